"""Rebalancing: what each method does to the counts of the training split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.config import Rebalancing
from xray_model.network.rebalancing import rebalance

METHODS: tuple[Rebalancing, ...] = ("none", "class_weight", "oversample", "undersample")


@pytest.mark.parametrize(
    ("method", "expected"),
    [("none", [80, 10]), ("class_weight", [45, 45]), ("oversample", [80, 80]), ("undersample", [10, 10])],
)
def test_effective_counts(method: Rebalancing, expected: list[int]) -> None:
    """Each method ends with the counts it promises."""
    targets = np.repeat([0, 1], [80, 10])
    assert rebalance(method, targets, 2, seed=1).effective_counts(targets, 2) == expected


@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_no_image_is_invented_or_lost(counts: list[int], seed: int) -> None:
    """Only images of the split are drawn, and oversampling leaves none out."""
    targets = np.repeat(np.arange(len(counts)), counts)
    for method in METHODS:
        indices = rebalance(method, targets, len(counts), seed).indices
        assert set(indices) <= set(range(len(targets)))
        if method != "undersample":
            assert set(indices) == set(range(len(targets)))


def test_draws_follow_the_seed() -> None:
    """The same seed draws the same images."""
    targets = np.repeat([0, 1], [80, 10])
    first, second = (rebalance("oversample", targets, 2, seed=5).indices for _ in range(2))
    assert np.array_equal(first, second)
