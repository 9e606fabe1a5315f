"""Ways of training in their order, from what each answered to every patient once a seed.

Of a cross-validation the images of all folds are counted in one confusion matrix: a mean of the folds' own F1 depends
on how few of a class a fold happens to hold (Forman and Scholz 2010, Apples-to-Apples in Cross-Validation Studies).
All variants are counted over the same draws of patients, so that what is hard about a patient falls out of a
difference. A variant's own interval tells what other patients would have changed; its distance from the first also
what other trainings would have (`distances`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.errors import InvalidInput
from xray_model.evaluation.bootstrap import Floats, Places, interval_or_zero, resample, sum_cells
from xray_model.evaluation.confusion import class_figures, class_positions, number_patients
from xray_model.evaluation.distances import compare_with_best
from xray_model.outcomes import CellOutcome, Standing

_POLICY = GatePolicy()
_NO_ANSWER = ""
"""In place of a class: what a training that diverged says of an image, which is then missed."""


def rank_variants(
    tables: Mapping[str, Sequence[pd.DataFrame]],
    cells: Sequence[CellOutcome],
    titles: Mapping[str, str],
    classes: Sequence[str],
    minority: str,
    *,
    draws: int = _POLICY.draws,
    seed: int = _POLICY.seed,
) -> tuple[Standing, ...]:
    """Every variant with its figures and what it cost, the best by minority F1 first.

    Args:
        tables: by variant, for each seed one prediction table of all folds' test images, with their `fold`.
        cells: all trainings of these variants.
        titles: of the variants, in words.
        classes: what the models tell apart.
        minority: the class that decides.
        draws: bootstrap draws.
        seed: of the draws.

    Raises:
        InvalidInput: there is no variant, two tables do not hold the same images with the same patients, labels and
            folds, or a label or an answer is none of `classes`.
    """
    ordered = {
        name: [each.sort_values("image_id", ignore_index=True) for each in found] for name, found in tables.items()
    }
    first = _check_same(ordered)
    count, patients = number_patients(first)
    side = len(classes) + 1
    cells_of = {name: [_place_images(table, classes) for table in found] for name, found in ordered.items()}
    summed = resample(
        [sum_cells(patients, places, (count, side * side)) for found in cells_of.values() for places in found],
        count,
        draws,
        seed,
    )
    rest = iter(summed)
    confusions = {
        name: np.stack([next(rest).reshape(-1, side, side) for _ in found]) for name, found in cells_of.items()
    }
    deciding = list(classes).index(minority)
    f1 = {name: class_figures(found)[2][..., deciding].mean(axis=0) for name, found in confusions.items()}
    ranked = sorted(ordered, key=lambda name: -f1[name][0])
    folds = first["fold"].to_numpy()
    fold_f1 = {name: _score_folds(found, folds, side, deciding) for name, found in cells_of.items()}
    distances = compare_with_best(f1, {name: found.mean(axis=1) for name, found in fold_f1.items()}, ranked[0])
    return tuple(
        Standing(
            variant=name,
            title=titles[name],
            minority_f1=interval_or_zero(f1[name]),
            over_best=distances.get(name),
            fold_f1=tuple(fold_f1[name].ravel().round(6).tolist()),
            **_score(confusions[name], classes),
            **_price([cell for cell in cells if cell.variant == name]),
        )
        for name in ranked
    )


def _check_same(tables: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """The first of the tables, which are in the order of their images; the others have the same rows."""
    found = [(name, table) for name, each in tables.items() for table in each]
    if not found or not all(tables.values()):
        raise InvalidInput("a variant has no prediction table: compare at least one that was trained")
    columns = ["image_id", "patient_id", "label", "fold"]
    (leading, first), *others = found
    told = first[columns].to_numpy(dtype=str)
    for name, table in others:
        if not np.array_equal(told, table[columns].to_numpy(dtype=str)):
            raise InvalidInput(
                f"{leading} and {name} were not tested on the same images, patients, labels and folds: "
                "their figures cannot be compared"
            )
    return first


def _place_images(table: pd.DataFrame, classes: Sequence[str]) -> Places:
    """Int [n]: the cell of a confusion matrix that each image falls in, with a last row and column for no answer."""
    answers = table.assign(predicted=table["predicted"].fillna(_NO_ANSWER))
    known = (*classes, _NO_ANSWER)
    return class_positions(table, "label", classes) * len(known) + class_positions(answers, "predicted", known)


def _score(confusions: Floats, classes: Sequence[str]) -> dict[str, Any]:
    """The figures over all folds, each a mean over the seeds.

    Args:
        confusions: of the tables themselves and of every draw [seeds, 1 + draws, side, side].
        classes: the names of all but the last row and column.
    """
    known = slice(len(classes))
    hits, images = np.diagonal(confusions, axis1=-2, axis2=-1).sum(axis=-1), confusions.sum(axis=(-2, -1))
    recall = class_figures(confusions, undefined=np.nan)[1].mean(axis=0)
    return {
        "macro_f1": interval_or_zero(class_figures(confusions)[2][..., known].mean(axis=(0, -1))),
        "recalls": {name: interval_or_zero(recall[:, place]) for place, name in enumerate(classes)},
        "accuracy": interval_or_zero((hits / images).mean(axis=0)),
        "confusion": tuple(tuple(row) for row in confusions[:, 0, known, known].mean(axis=0).tolist()),
    }


def _score_folds(placed: Sequence[Places], folds: Places, side: int, deciding: int) -> Floats:
    """Minority F1 of each training on its fold's test images [folds, seeds]."""
    confusions = [
        [np.bincount(places[folds == fold], minlength=side * side).reshape(side, side) for places in placed]
        for fold in np.unique(folds)
    ]
    found: Floats = class_figures(np.array(confusions, np.float64))[2][..., deciding]
    return found


def _price(cells: Sequence[CellOutcome]) -> dict[str, Any]:
    """What a variant costs: means over its trainings, and its largest network where a search chose."""
    return {
        "seconds": round(float(np.mean([cell.training.seconds for cell in cells])), 1),
        "images_per_second": round(float(np.mean([cell.images_per_second for cell in cells])), 1),
        "parameters": max(cell.parameters for cell in cells),
        "trained_parameters": max(cell.trained_parameters for cell in cells),
    }
