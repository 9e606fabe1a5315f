"""Figures within groups of images: sex, age band, view, source and manufacturer."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from xray_model.evaluation.association import AGE_GROUPS, group_ages
from xray_model.evaluation.bootstrap import Floats, Places, interval, sum_cells
from xray_model.evaluation.confusion import class_figures
from xray_model.outcomes import SubgroupScore

_log = logging.getLogger(__name__)

COLUMNS = ("sex", "age", "view", "source", "manufacturer")
MOST_VALUES = 12
"""Of a column, by images, that have figures of their own."""
LEAST_PATIENTS = 5
"""Who have a value, below which it counts as `other`: what a sender wrote of so few may name one of them."""
UNKNOWN, OTHER = "unknown", "other"
AGE_BANDS = (*(f"{low:.0f}-{high - 1:.0f}" for low, high in pairwise(AGE_GROUPS)), f"{AGE_GROUPS[-1]:.0f}+")
"""Completed years of each of `AGE_GROUPS`, such as `0-17` and `80+`."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """The images of one value of one column."""

    column: str
    value: str
    images: Places
    """Their places in the table."""


def find_subgroups(table: pd.DataFrame) -> list[Subgroup]:
    """The groups of a prediction table, those of a column together: by age, else the largest first.

    Values of fewer than `LEAST_PATIENTS`, and those beyond the `MOST_VALUES` most frequent, are one group, `other`; a
    band of ages names nobody and stays. Images without a value are a group of their own, `unknown`, where others have
    one. A column without any value, or that an older table does not have, gives no group.
    """
    return [group for column in COLUMNS if column in table for group in _groups_of(table, column)]


def _groups_of(table: pd.DataFrame, column: str) -> list[Subgroup]:
    values = _name_ages(table[column]) if column == "age" else _name_values(table[column])
    counts = values.value_counts()
    if column == "age":
        names = [band for band in AGE_BANDS if band in counts]
    else:
        held = table["patient_id"].groupby(values).nunique() >= LEAST_PATIENTS
        names = sorted(held.index[held], key=lambda name: (-counts[name], name))[:MOST_VALUES]
    if rare := len(counts) - len(names):
        _log.info("%s has %d values: the rarest %d are one subgroup", column, len(counts), rare)
        values = values.where(values.isna() | values.isin(names), OTHER)
        names = [*(name for name in names if name != OTHER), OTHER]
    if names and values.isna().any():
        values = values.fillna(UNKNOWN)
        names = [*(name for name in names if name != UNKNOWN), UNKNOWN]
    return [Subgroup(column, name, np.flatnonzero(values == name)) for name in names]


def _name_ages(ages: pd.Series) -> pd.Series:
    return group_ages(ages).map(dict(enumerate(AGE_BANDS))).astype(object)


def _name_values(values: pd.Series) -> pd.Series:
    named = values.astype(object).map(str, na_action="ignore")
    return named.mask(named == "")


def sum_confusions(
    groups: Sequence[Places], targets: Places, predicted: Places, patients: Places, classes: int
) -> Callable[[Floats], Floats]:
    """A figure for `bootstrap.resample`: confusion matrices [draws, groups, classes, classes].

    Args:
        groups: places of the images of each.
        targets: class of each image [n].
        predicted: class decided on [n].
        patients: number of each image's patient [n].
        classes: how many there are.
    """
    shape = (len(groups), classes, classes)
    images = np.concatenate([np.empty(0, np.intp), *groups])
    number = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    cells = (number * classes + targets[images]) * classes + predicted[images]
    sums = sum_cells(patients[images], cells, (patients.max() + 1, int(np.prod(shape))))
    return lambda drawn: sums(drawn).reshape(len(drawn), *shape)


def score_subgroups(
    groups: Sequence[Subgroup],
    confusions: Floats,
    targets: Places,
    patients: Places,
    classes: Sequence[str],
    minority: str,
    enough: int,
) -> tuple[SubgroupScore, ...]:
    """Figures of each group.

    Args:
        groups: as `find_subgroups` gives them.
        confusions: what `sum_confusions` says of the table itself and of every draw [1 + draws, groups, ...].
        targets: class of each image of the table [n].
        patients: number of each image's patient [n].
        classes: names of the classes.
        minority: the class that decides.
        enough: patients of the minority class below which a group is too small to say anything.
    """
    place = list(classes).index(minority)
    _, recall, f1 = class_figures(confusions, undefined=np.nan)
    scores = []
    for number, group in enumerate(groups):
        own, whose = targets[group.images] == place, patients[group.images]
        minority_patients = len(np.unique(whose[own]))
        recalls = {name: interval(recall[:, number, at]) for at, name in enumerate(classes)}
        scores.append(
            SubgroupScore(
                column=group.column,
                value=group.value,
                images=len(group.images),
                patients=len(np.unique(whose)),
                minority_patients=minority_patients,
                minority_f1=interval(f1[:, number, place]),
                recalls={name: found for name, found in recalls.items() if found is not None},
                too_small=minority_patients < enough,
            )
        )
    return tuple(scores)
