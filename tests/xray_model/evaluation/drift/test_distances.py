"""The distances of a comparison, and of all its permutations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from xray_model.evaluation.drift.distances import measure_distance, permute_distances

NUMBERS = stn.arrays(np.float64, st.integers(3, 40), elements=st.floats(-1e3, 1e3))
WORDS = st.lists(st.sampled_from(["PA", "AP", "L"]), min_size=3, max_size=40)


def deal(images: int, permutations: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Labels of which a third, at least one, are new."""
    new = np.arange(images) < max(1, images // 3)
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(new) for _ in range(permutations)], axis=1).astype(np.float32)


@given(NUMBERS, NUMBERS)
def test_numbers_stand_as_scipy_says(current: np.ndarray, reference: np.ndarray) -> None:
    """The distance of numbers is scipy's Wasserstein distance in standard deviations of the reference."""
    expected = wasserstein_distance(current, reference) / max(reference.std(), 0.001)
    assert measure_distance("number", pd.Series(current), pd.Series(reference)) == pytest.approx(expected, abs=1e-12)


@given(WORDS, WORDS)
def test_categories_stand_as_scipy_says(current: list[str], reference: list[str]) -> None:
    """The distance of categories is scipy's Jensen-Shannon distance of their shares."""
    shares = [[values.count(name) / len(values) for name in ("PA", "AP", "L")] for values in (reference, current)]
    found = measure_distance("category", pd.Series(current), pd.Series(reference))
    assert found == pytest.approx(jensenshannon(*shares), abs=1e-9)


@given(NUMBERS, st.integers(0, 99))
def test_permuted_numbers_are_measured_one_by_one(values: np.ndarray, seed: int) -> None:
    """All permutations at once give the distances that each gives by itself."""
    series, labels = pd.Series(values), deal(len(values), 5, seed)
    expected = [measure_distance("number", series[own == 1], series[own == 0]) for own in labels.T]
    assert permute_distances("number", series, labels) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(WORDS, st.integers(0, 99))
def test_permuted_categories_are_measured_one_by_one(values: list[str], seed: int) -> None:
    """All permutations at once give the distances that each gives by itself."""
    series, labels = pd.Series(values, dtype=object), deal(len(values), 5, seed)
    expected = [measure_distance("category", series[own == 1], series[own == 0]) for own in labels.T]
    assert permute_distances("category", series, labels) == pytest.approx(expected, abs=1e-6)


def test_missing_values_are_left_out() -> None:
    """A missing value is no value, in the distance and in its permutations."""
    values = pd.Series([1.0, np.nan, 2.0, 5.0, 7.0])
    labels = np.array([[1, 1, 1, 0, 0]], np.float32).T
    expected = measure_distance("number", pd.Series([1.0, 2.0]), pd.Series([5.0, 7.0]))
    assert measure_distance("number", values[:3], values[3:]) == pytest.approx(expected)
    assert permute_distances("number", values, labels) == pytest.approx([expected], rel=1e-5)
