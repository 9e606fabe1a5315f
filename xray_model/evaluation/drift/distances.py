"""Distances between two samples: one pair exactly, or all permutations of their labels at once.

They are Evidently's: the Wasserstein distance in standard deviations of the reference, and the Jensen-Shannon distance
of shares (natural logarithm). With the labels as a matrix both need only sums over sorted values, or counts.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import wasserstein_distance

from xray_model.evaluation.drift.columns import Kind

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.float32]
"""[n, permutations]: 1 where an image counts as new, 0 where as known."""

METHODS: dict[Kind, str] = {"number": "wasserstein", "category": "jensenshannon"}
EMBEDDING_METHOD = "domain_classifier"
_LEAST_SPREAD = 0.001


def measure_distance(kind: Kind, current: pd.Series, reference: pd.Series) -> float:
    """How far two samples stand from each other; missing values are left out."""
    current, reference = current.dropna(), reference.dropna()
    if kind == "number":
        return float(wasserstein_distance(reference, current) / find_spread(reference))
    shares = pd.DataFrame({"current": count_shares(current), "reference": count_shares(reference)}).fillna(0.0)
    return float(jensenshannon(shares["reference"], shares["current"]))


def find_spread(reference: pd.Series) -> float:
    """The unit of a distance of numbers: the standard deviation of the known ones, .001 at least."""
    return max(float(np.std(reference.dropna().to_numpy(np.float64))), _LEAST_SPREAD)


def count_shares(values: pd.Series) -> pd.Series:
    """Share of each category among the known values, the largest first."""
    return values.value_counts(normalize=True)


def permute_distances(kind: Kind, values: pd.Series, labels: Labels) -> Floats:
    """The distance [permutations] between the images that each permutation calls new and those it calls known."""
    present = values.notna().to_numpy()
    labels = labels[present]
    if kind == "number":
        return _permute_wasserstein(values[present].to_numpy(np.float64), labels)
    return _permute_jensenshannon(pd.factorize(values[present])[0], labels)


def _permute_wasserstein(values: Floats, labels: Labels) -> Floats:
    order = np.argsort(values, kind="stable")
    values, labels = values[order], labels[order]
    new = labels.sum(axis=0)
    known = len(values) - new
    spread = _spread_of_known(values, labels, known)
    # The difference of the two distribution functions behind each value: b / new - (i - b) / known.
    apart = np.cumsum(labels, axis=0, out=labels)[:-1]
    apart *= 1 / new + 1 / known
    apart -= np.arange(1, len(values), dtype=np.float32)[:, None] / known
    np.abs(apart, out=apart)
    return np.asarray(np.diff(values).astype(np.float32) @ apart / spread, np.float64)


def _spread_of_known(values: Floats, labels: Labels, known: Labels) -> Floats:
    centred = values - values.mean()
    powers = np.stack([centred, centred**2])
    mean, square = (powers.sum(axis=1, keepdims=True) - powers @ labels) / known
    return np.asarray(np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), _LEAST_SPREAD), np.float64)


def _permute_jensenshannon(codes: npt.NDArray[np.intp], labels: Labels) -> Floats:
    cells = np.zeros((codes.max() + 1, len(codes)), np.float32)
    cells[codes, np.arange(len(codes))] = 1
    new = (cells @ labels).astype(np.float64)
    known = cells.sum(axis=1, keepdims=True) - new
    new /= new.sum(axis=0)
    known /= known.sum(axis=0)
    middle = (new + known) / 2
    divergence = (rel_entr(new, middle) + rel_entr(known, middle)).sum(axis=0) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0)), np.float64)
