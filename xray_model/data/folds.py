"""Folds of a cross-validation: whole patients, each in the test of one fold, with findings shared out evenly."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from xray_model.data.identity import NEAR_DUPLICATE_BITS
from xray_model.data.similarity import hash_words, near_within
from xray_model.errors import ConfigurationError

VALIDATION_PARTS = 5
"""One of so many parts of a fold's own patients chooses its epoch: a fifth, as the shares of a store's splits are."""

Places = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Fold:
    """Places of images, by what they are for; no patient is in two of them."""

    train: Places
    validation: Places
    test: Places


def draw_folds(patients: Names, labels: Names, folds: int, seed: int) -> tuple[Fold, ...]:
    """Share images out; whose test an image is in depends on seed, patients and labels, not on the order of the rows.

    Args:
        patients: of each image [n].
        labels: of each image [n].
        folds: how many; every image is in the test of one.
        seed: of the drawing.

    Raises:
        ConfigurationError: a finding has too few patients.
    """
    order = np.lexsort((labels, patients))
    found = []
    for learn, test in _divide(order, patients, labels, folds, seed):
        train, validation = next(_divide(learn, patients, labels, VALIDATION_PARTS, seed))
        lacking = sorted({str(name) for part in (train, validation) for name in set(labels) - set(labels[part])})
        if lacking:
            raise ConfigurationError(
                f"a fold has no {lacking[0]} to train or to choose by: its patients have too unequally many images; "
                "take fewer folds, or more patients"
            )
        found.append(Fold(train, validation, test))
    return tuple(found)


def join_twins(rows: pd.DataFrame) -> Names:
    """For each image whom it counts as [n]: patients of whom nearly the same picture is there count as one.

    Args:
        rows: `patient_id` and `phash` (None where there is none).
    """
    names, patients = np.unique(rows["patient_id"].to_numpy(np.str_), return_inverse=True)
    hashed = np.flatnonzero(rows["phash"].notna())
    words = hash_words(rows["phash"].iloc[hashed])
    pairs = [np.empty((2, 0), np.intp)]
    for block, near in near_within(words, np.arange(len(words)), NEAR_DUPLICATE_BITS):
        one, other = near.nonzero()
        pairs.append(patients[hashed[np.stack([one + block.start, other])]])
    ones, others = np.concatenate(pairs, axis=1)
    links = csr_array((np.ones(len(ones), np.bool_), (ones, others)), shape=(len(names), len(names)))
    _, groups = connected_components(links, directed=False)
    first = {group: names[place] for place, group in reversed([*enumerate(groups.tolist())])}
    return np.array([first[group] for group in groups[patients].tolist()], np.str_)


def draw_images(patients: Names, most: int, seed: int) -> Places:
    """Places of at most so many images, all those of a patient or none; whose does not depend on the order of rows.

    A patient with more images than there is room for is passed over.
    """
    names, counts = np.unique(patients, return_counts=True)
    kept, room = [], most
    for place in np.random.default_rng(seed).permutation(len(names)).tolist():
        if counts[place] <= room:
            kept.append(names[place])
            room -= counts[place]
    return np.flatnonzero(np.isin(patients, kept))


def keep_proportions(labels: Names, image_ids: Names, proportions: Mapping[str, float], seed: int) -> Places:
    """Places of as many images as stand in these proportions; all of a finding that they do not name.

    Args:
        labels: of each image [n].
        image_ids: of each image [n], by which they are drawn whatever their order.
        proportions: parts by finding.
        seed: of the drawing.
    """
    ranks = np.random.default_rng(seed).permutation(len(labels))[np.argsort(np.argsort(image_ids))]
    most = min(((labels == name).sum() / part for name, part in proportions.items()), default=0.0)
    kept = np.ones(len(labels), np.bool_)
    for name, part in proportions.items():
        own = np.flatnonzero(labels == name)
        kept[own[np.argsort(ranks[own])[max(round(most * part), 1) :]]] = False
    return np.flatnonzero(kept)


def _divide(places: Places, patients: Names, labels: Names, parts: int, seed: int) -> Iterator[tuple[Places, Places]]:
    """For each part the places of all others and its own."""
    names, own = labels[places], patients[places]
    for name in np.unique(names):
        there = len(np.unique(own[names == name]))
        if there < parts:
            raise ConfigurationError(
                f"{there} patients with the finding {name} cannot be shared out among {parts} parts: take fewer folds, "
                "or push more batches"
            )
    divided = StratifiedGroupKFold(parts, shuffle=True, random_state=seed).split(own, names, own)
    for rest, part in divided:
        yield places[rest], places[part]
