"""Both distributions of a column as bars of a small picture."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.evaluation.drift.columns import FrameColumn
from xray_model.evaluation.drift.sentences import DISPLAYS, say_category
from xray_model.outcomes import ColumnChart

_BINS = 16
_OUTER = (0.5, 99.5)
"""Percentiles of both samples between which the bins lie; what is farther out counts to the outermost."""
_DIGITS = 6


def chart_column(column: FrameColumn, current: pd.Series, reference: pd.Series) -> ColumnChart:
    """Shares of both samples, missing values left out, in the units of a person."""
    current, reference = current.dropna(), reference.dropna()
    if column.kind == "category":
        counts = pd.concat([current, reference]).value_counts()
        shares = [
            values.value_counts(normalize=True).reindex(counts.index, fill_value=0) for values in (current, reference)
        ]
        labels = tuple(say_category(column.name, str(name)) for name in counts.index)
        return ColumnChart(labels=labels, current=_round(shares[0]), reference=_round(shares[1]))
    display = DISPLAYS.get(column.name)
    new, known = (
        (display.to_person(values.to_numpy()) if display else values.to_numpy()) for values in (current, reference)
    )
    low, high = np.percentile(np.concatenate([new, known]), _OUTER)
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    bars = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values) for values in (new, known)]
    labels = tuple(f"{left:.3g} to {right:.3g}" for left, right in pairwise(edges))
    return ColumnChart(labels=labels, edges=_round(edges), current=_round(bars[0]), reference=_round(bars[1]))


def _round(values: pd.Series | npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
