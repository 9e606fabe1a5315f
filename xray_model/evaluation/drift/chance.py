"""What chance alone does to many columns at once: max-T permutation (Westfall and Young 1993).

The labels "new" and "known" are dealt anew over the images of both samples, and every column's distance is taken with
the same labels, so that columns that go together count together. Where a column is known of some images only, it is
dealt among these, as many new ones as there are: one deal for each set of images, by the same random keys. Each
distance is put on its own scale, and a threshold is where the largest of all columns stands in all but a few of the
permutations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from xray_model.evaluation.drift.distances import Labels

Floats = npt.NDArray[np.float64]

_HIGH = 99
"""Percentile of a column's distances which, seen from their median, is its unit."""

ALONE = frozenset({"label"})
_LEAST_UNIT = 1e-9
"""Of a column on which every permutation gives the same distance."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where chance puts one column, and how widely."""

    middle: float
    unit: float

    @classmethod
    def of(cls, null: Floats) -> Self:
        """The scale of distances that chance makes [permutations]."""
        middle = float(np.median(null))
        # Where few images hold a rare category, most permutations give the same distance and a few another: half the
        # way to the farthest keeps those few from setting the pace for all columns.
        unit = max(float(np.percentile(null, _HIGH)) - middle, (float(null.max()) - middle) / 2)
        return cls(middle, max(unit, _LEAST_UNIT))

    def place(self, distance: Floats) -> Floats:
        """Distances in units of the column."""
        return (distance - self.middle) / self.unit


@dataclass(frozen=True, slots=True)
class Chance:
    """The largest of some columns in each permutation, in units of its column."""

    largest: Floats
    part: float = 1.0
    """Of all false alarms, which these columns may raise."""

    @classmethod
    def of(cls, nulls: Iterable[Floats], part: float = 1.0) -> Self:
        """Of what chance does to each column [permutations].

        Raises:
            ValueError: a distance is no number, beside which every column would seem to have moved.
        """
        places = np.array([Scale.of(null).place(null) for null in nulls])
        if not np.isfinite(places).all():
            raise ValueError("a distance under permutation is no number: a column holds too little to be compared")
        return cls(np.sort(places.max(axis=0)), part)

    def threshold(self, null: Floats, false_alarms: float) -> float:
        """Distance of a column that chance reaches, in any column at all, in this share of the cases."""
        scale, times = Scale.of(null), len(self.largest)
        # What is measured counts as one of the permutations: with few of them a plain quantile would be too low.
        reached = max(1, int(false_alarms * self.part * (times + 1)))
        return scale.middle + float(self.largest[times - reached]) * scale.unit

    def probability(self, null: Floats, distance: float) -> float:
        """Probability that chance puts any column as far out as this one stands, in units of each."""
        place = Scale.of(null).place(np.array([distance]))[0]
        reached = len(self.largest) - int(np.searchsorted(self.largest, place, side="left"))
        return min(1.0, (1 + reached) / (1 + len(self.largest)) / self.part)


def share_chances(nulls: Mapping[str, Floats]) -> dict[str, Chance]:
    """The chance beside which each column is seen, by name.

    Half of the false alarms are for the findings alone: a class that becomes frequent is what a retraining is for, and
    among a score of other columns twice as many images would be needed to see it.
    """
    alone, others = nulls.keys() & ALONE, nulls.keys() - ALONE
    part = 1 / (bool(alone) + bool(others)) if nulls else 1.0
    return {
        name: chance
        for names in (alone, others)
        if names
        for chance in [Chance.of([nulls[name] for name in names], part)]
        for name in names
    }


def deal_labels(new: npt.NDArray[np.bool_], strata: npt.NDArray[np.int64], permutations: int, seed: int) -> Labels:
    """Labels [n, permutations], 1 for new: in each stratum as many are new as are.

    Args:
        new: which images are [n].
        strata: number of each image's stratum [n]. Images are exchanged within one only.
        permutations: how often.
        seed: of the deals. By one seed, deals over the same images in other strata go together.
    """
    keys = np.random.default_rng(seed).random((permutations, len(new)))
    labels = np.zeros(keys.shape, np.float32)
    for stratum in np.unique(strata):
        places = np.flatnonzero(strata == stratum)
        count = int(new[places].sum())
        if count:
            own = keys[:, places]
            labels[:, places] = own <= np.partition(own, count - 1, axis=1)[:, [count - 1]]
    return np.ascontiguousarray(labels.T)
