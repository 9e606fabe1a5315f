"""Intervals by bootstrap over patients (Efron and Tibshirani 1993, section 13.3: percentiles).

A patient's images stand or fall together, so patients are drawn, not images. A draw is how often each patient was
drawn, and a figure of it is the figure of the table with each image counted as often as its patient: nothing is copied.
The same number of patients and the same seed give the same draws, which pairs all figures of one table, and those of
two models on the same images. In simulation (200 to 600 patients of one to five alike images, a fifth of them of the
minority class) the 95 % intervals held the truth 93 to 95 times in 100, those of ROC AUC 91 to 93 times; an interval
that drew images held it 74 times.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy import sparse

from xray_model.outcomes import Interval

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

_AT_ONCE = 32
"""Draws whose counts of 10,000 images stay near the processor: twice as fast as with 100."""
_TAILS = (2.5, 97.5)


def draw_patients(patients: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each patient is drawn, in chunks float64 [at most 32 draws, patients].

    Each draw takes as many patients as there are, with replacement, each as likely as any other.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, draws, _AT_ONCE):
        rows = min(_AT_ONCE, draws - start)
        # Counting what was drawn is the multinomial distribution, and eight times as fast as numpy's.
        drawn = rng.integers(patients, size=(rows, patients)) + patients * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * patients).reshape(rows, patients).astype(np.float64)


def resample(figures: Sequence[Callable[[Floats], Floats]], patients: int, draws: int, seed: int) -> tuple[Floats, ...]:
    """Each figure of the table as it is, and then of every draw: float64 [1 + draws, ...].

    Args:
        figures: from how often each patient counts [some, patients] to a figure [some, ...].
        patients: how many there are.
        draws: how many samples of them to take.
        seed: of the draws.
    """
    as_it_is = np.ones((1, patients))
    counted = [
        [figure(drawn) for figure in figures] for drawn in chain([as_it_is], draw_patients(patients, draws, seed))
    ]
    return tuple(np.concatenate(parts) for parts in zip(*counted, strict=True))


def sum_cells(
    patients: Places, cells: Places, shape: tuple[int, int], amounts: Floats | None = None
) -> Callable[[Floats], Floats]:
    """A figure for `resample`: what images add to each of some cells, counted as often as their patients [some, cells].

    Args:
        patients: number of the patient who adds something [m].
        cells: number of the cell that it is added to [m].
        shape: how many patients and how many cells there are.
        amounts: how much [m]; 1 each where None.
    """
    by_patient = sparse.csr_array((np.ones(len(cells)) if amounts is None else amounts, (patients, cells)), shape=shape)
    return lambda drawn: drawn @ by_patient


def interval(figure: Floats) -> Interval | None:
    """The 95 % interval of a figure as `resample` gives it [1 + draws], rounded to six digits.

    A draw in which it is undefined (NaN: a class that was not drawn has no recall) says nothing and is left out.

    Returns:
        None where the figure of the table itself is undefined.
    """
    value, drawn = figure[0], figure[1:]
    if np.isnan(value):
        return None
    known = drawn[~np.isnan(drawn)]
    low, high = np.percentile(known, _TAILS) if len(known) else (value, value)
    return make_interval(value, low, high)


def interval_or_zero(figure: Floats) -> Interval:
    """Likewise, but 0 from 0 to 0 where the figure is undefined, as scikit-learn counts it."""
    return interval(figure) or Interval(value=0, low=0, high=0)


def make_interval(value: float, low: float, high: float) -> Interval:
    """An interval in six digits."""
    return Interval(value=round(float(value), 6), low=round(float(low), 6), high=round(float(high), 6))
