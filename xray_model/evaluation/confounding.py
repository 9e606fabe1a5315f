"""What else than the lungs tells the classes of a set of images apart: source, age, view, sex, scanner."""

import math
from dataclasses import dataclass

import pandas as pd

from xray_model.evaluation.association import cramers_v, group_ages
from xray_model.evaluation.subgroups import LEAST_PATIENTS

FACTS = ("source", "age", "view", "sex", "manufacturer")
"""Columns of an image that are no finding."""
LEAST_IMAGES = 20
"""Of a value, from which it is worth saying that they all have one class."""
_ADULT = 18


@dataclass(frozen=True, slots=True)
class Association:
    """How far a fact tells the class, as a property of this very set."""

    fact: str
    v: float
    """Cramér's V among the images of which the fact is known; NaN where it does not vary."""
    images: int
    """Of which it is known."""
    patients: int
    missing_v: float
    """Cramér's V of class and whether the fact is known; NaN where it always or never is."""

    @property
    def strength(self) -> float:
        """The larger of both; 0 where neither is defined."""
        return max((v for v in (self.v, self.missing_v) if not math.isnan(v)), default=0.0)


@dataclass(frozen=True, slots=True)
class Sole:
    """A value all of whose images have one class, or a class all of whose images come from one source."""

    fact: str
    value: str | None
    """None where it is not known."""
    label: str
    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class Children:
    """The patients below 18 years."""

    images: int
    patients: int
    sources: tuple[str, ...]
    labels: tuple[str, ...]


def find_associations(rows: pd.DataFrame) -> tuple[Association, ...]:
    """How far each of `FACTS` tells the class, the one that tells most first.

    Args:
        rows: `label`, `patient_id` and `FACTS`.
    """
    found = []
    for fact in FACTS:
        values = _values(rows, fact)
        known = values.notna()
        found.append(
            Association(
                fact,
                cramers_v(rows["label"], values),
                int(known.sum()),
                int(rows.loc[known, "patient_id"].nunique()),
                cramers_v(rows["label"], known),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.strength))


def find_sole_classes(rows: pd.DataFrame) -> tuple[Sole, ...]:
    """Sources, views, sexes and scanners (and their absence) whose images all have one class, the most images first.

    Nothing where the whole set has one class. Values of fewer than `LEAST_IMAGES`, or of fewer than `LEAST_PATIENTS`,
    are passed over: it may be chance, and what a sender wrote of few may name one of them.
    """
    if rows["label"].nunique() < 2:  # noqa: PLR2004 - one class tells nothing
        return ()
    found = []
    for fact in FACTS:
        if fact == "age":
            continue
        if rows[fact].nunique(dropna=False) < 2:  # noqa: PLR2004 - nor does one value
            continue
        for value, some in rows.groupby(fact, dropna=False):
            patients = some["patient_id"].nunique()
            if len(some) >= LEAST_IMAGES and patients >= LEAST_PATIENTS and _is_constant(some["label"]):
                named = None if pd.isna(value) else str(value)
                found.append(Sole(fact, named, str(some["label"].iat[0]), len(some), patients))
    return tuple(sorted(found, key=lambda one: (-one.images, one.fact, one.value or "")))


def find_sole_sources(rows: pd.DataFrame) -> tuple[Sole, ...]:
    """Classes all of whose images come from one source, where the set has several."""
    if rows["source"].nunique() < 2:  # noqa: PLR2004 - then that is true of every class
        return ()
    return tuple(
        Sole("source", str(some["source"].iat[0]), str(label), len(some), some["patient_id"].nunique())
        for label, some in rows.groupby("label")
        if _is_constant(some["source"])
    )


def find_children(rows: pd.DataFrame) -> Children | None:
    """Who is known to be below 18 years; None where nobody is."""
    ages = pd.to_numeric(rows["age"], errors="coerce")
    some = rows[(ages >= 0) & (ages < _ADULT)]
    if some.empty:
        return None
    sources, labels = (tuple(sorted(some[name].unique())) for name in ("source", "label"))
    return Children(len(some), some["patient_id"].nunique(), sources, labels)


def _is_constant(values: pd.Series) -> bool:
    return bool((values == values.iat[0]).all())


def _values(rows: pd.DataFrame, fact: str) -> pd.Series:
    return group_ages(rows["age"]) if fact == "age" else rows[fact]
