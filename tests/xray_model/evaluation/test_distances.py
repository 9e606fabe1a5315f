"""Distances from the best: the intervals hold for all pairs, for other patients and for other trainings."""

import numpy as np
import pytest

from xray_model.evaluation.distances import compare_with_best

DRAWS = 400


def drawn(value: float, error: float, seed: int) -> np.ndarray:
    """A figure and its draws."""
    return np.concatenate([[value], np.random.default_rng(seed).normal(value, error, DRAWS)])


def widths(names: int, luck: float = 0.0, folds: int = 5) -> list[float]:
    """Widths of the intervals of so many variants that are alike in their errors."""
    rng = np.random.default_rng(7)
    figures = {str(name): drawn(0.9 - 0.02 * name, 0.02, name) for name in range(names)}
    by_fold = {name: found[0] + rng.normal(0, luck, folds) for name, found in figures.items()}
    found = compare_with_best(figures, by_fold, "0")
    return [one.high - one.low for one in found.values()]


def test_the_best_has_no_distance_and_the_others_have() -> None:
    """Each other variant stands once, by how much less its figure is."""
    figures = {"a": drawn(0.5, 0.01, 1), "b": drawn(0.9, 0.01, 2), "c": drawn(0.7, 0.01, 3)}
    found = compare_with_best(figures, {name: np.full(5, one[0]) for name, one in figures.items()}, "b")
    assert {name: one.value for name, one in found.items()} == {"a": pytest.approx(-0.4), "c": pytest.approx(-0.2)}
    assert all(one.low < one.value < one.high < 0 for one in found.values())


def test_more_variants_make_wider_intervals() -> None:
    """The luckiest of many pairs deviates further than a single one."""
    assert widths(2)[0] < widths(4)[0] < widths(10)[0]


def test_luck_in_training_makes_wider_intervals() -> None:
    """What differs from fold to fold counts beside what differs from patient to patient."""
    assert widths(3)[0] < widths(3, luck=0.2)[0]


def test_one_fold_tells_nothing() -> None:
    """A single training of each leaves every distance open."""
    (one,) = compare_with_best(
        {"a": drawn(0.9, 0.01, 1), "b": drawn(0.2, 0.01, 2)}, {"a": np.array([0.9]), "b": np.array([0.2])}, "a"
    ).values()
    assert (one.low, one.high) == (-1, 1)


def test_one_variant_has_no_distance() -> None:
    """There is nothing to lie behind."""
    assert compare_with_best({"a": drawn(0.9, 0.01, 1)}, {"a": np.full(5, 0.9)}, "a") == {}
