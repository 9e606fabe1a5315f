"""How the figures of many images are spread: counts in fixed bins, which add up over batches."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

BINS = 32

Counts = npt.NDArray[np.int64]
"""Images by figure and bin, int64 [len(FIGURES), BINS]."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of the catalog, and between what values it is counted; what lies beyond counts at the ends."""

    column: str
    words: str
    low: float
    high: float


FIGURES = (
    Figure("mean", "Brightness (mean gray)", 0, 255),
    Figure("std", "Contrast (spread of gray)", 0, 128),
    Figure("entropy", "Gray levels in use (entropy, bits)", 0, 8),
    Figure("inversion", "Looks like its negative (score)", -16, 16),
    Figure("border", "Border (share)", 0, 1),
    Figure("saturated", "Pure black or white (share)", 0, 1),
    Figure("aspect", "Width over height", 0, 3),
    Figure("age", "Age (years)", 0, 110),
)
COLUMNS = tuple(figure.column for figure in FIGURES)


def count_figures(rows: pd.DataFrame) -> Counts:
    """The images of `rows` (`COLUMNS`) by figure and bin; a figure that an image lacks is not counted."""
    counts = np.zeros((len(FIGURES), BINS), np.int64)
    for place, figure in enumerate(FIGURES):
        values = rows[figure.column].to_numpy(np.float64)
        clipped = np.clip(values[np.isfinite(values)], figure.low, figure.high)
        counts[place] = np.histogram(clipped, BINS, (figure.low, figure.high))[0]
    return counts


@dataclass(frozen=True, slots=True)
class Spread:
    """Images by finding, and by figure and bin."""

    labels: Counter[str]
    figures: Counts

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """The spread of `rows` (`label` and `COLUMNS`)."""
        return cls(Counter(rows["label"].dropna()), count_figures(rows))

    @classmethod
    def total(cls, spreads: Sequence["Spread"]) -> Self:
        """The spread of all together, of no image where there is none."""
        figures = np.zeros((len(FIGURES), BINS), np.int64)
        labels: Counter[str] = Counter()
        for spread in spreads:
            figures += spread.figures
            labels += spread.labels
        return cls(labels, figures)
