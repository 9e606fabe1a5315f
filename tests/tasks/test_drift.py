"""Drift: what Evidently measures, and what is said where it cannot."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from storage.store import Store
from tasks.drift import CATEGORIES, NUMBERS, WORDS, compare, describe_column
from xray_model.config import DriftPolicy

POLICY = DriftPolicy()
KEY = "reports/nights/n/drift.html"


def words(columns: Iterable[str]) -> set[str]:
    """What a steward calls these columns."""
    return {WORDS.get(column, column) for column in columns}


def frame(images: int, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Figures of some images, shifted by `shift` standard deviations."""
    rng = np.random.default_rng(seed)
    numbers = {name: rng.normal(100 + 10 * shift, 10, images) for name in NUMBERS}
    return pd.DataFrame(numbers | {name: rng.choice(["a", "b"], images) for name in CATEGORIES})


def test_the_same_population_has_not_moved(store: Store) -> None:
    """A batch like the reference moves no column, and the full report is kept, small enough to open."""
    found = compare(frame(200, seed=1), frame(1000, seed=2), POLICY, store.objects, KEY)
    assert {column.column for column in found} == words([*NUMBERS, *CATEGORIES])
    assert not any(column.moved for column in found)
    assert 100_000 < len(store.objects.get(KEY)) < 5_000_000


def test_a_shift_moves_the_numbers(store: Store) -> None:
    """Numbers a standard deviation away have moved, categories that stayed have not."""
    found = compare(frame(200, shift=1.0, seed=1), frame(1000, seed=2), POLICY, store.objects, KEY)
    assert {column.column for column in found if column.moved} == words(NUMBERS)


@pytest.mark.parametrize("hole", [float("nan"), None])
def test_columns_without_values_are_left_out(store: Store, hole: float | None) -> None:
    """A column that is empty on either side is not compared, and never counted as unmoved."""
    found = compare(frame(200).assign(age=hole, view=None), frame(500, seed=3), POLICY, store.objects, KEY)
    assert {"age", "view"}.isdisjoint(column.column for column in found)


def test_unseen_categories_and_constant_columns(store: Store) -> None:
    """A new category counts as moved; a constant column on both sides does not crash."""
    current = frame(200, seed=1).assign(manufacturer="new scanner", border=0.0)
    found = {
        column.column: column
        for column in compare(current, frame(500, seed=2).assign(border=0.0), POLICY, store.objects, KEY)
    }
    assert found["scanner maker"].moved
    assert found["scanner maker"].current == "new scanner 100%"
    assert not found["border"].moved


def test_nothing_to_compare_is_no_column(store: Store) -> None:
    """Frames without values give no column, so the policy answers unknown."""
    assert compare(frame(0), frame(500), POLICY, store.objects, KEY) == []


def test_columns_are_described_for_people() -> None:
    """A number by its mean, a category by its largest shares."""
    assert describe_column(pd.Series([1.0, 2.0, np.nan])) == "mean 1.5"
    assert describe_column(pd.Series(["PA", "PA", "AP", None])) == "PA 67%, AP 33%"
