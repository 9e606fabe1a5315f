"""Drift: what Evidently measures, and what is said where it cannot."""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.decisions import record_decision
from storage.snapshots import build_snapshot
from storage.store import Store
from tasks.drift import CATEGORIES, NUMBERS, WORDS, compare, describe_column, monitor_drift
from xray_model.config import DriftPolicy, SnapshotOptions
from xray_model.data.decisions import propose
from xray_model.outcomes import BatchOutcome, BatchStatus, ChampionSummary, DriftOutcome, Interval

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


def monitor(store: Store, batch_id: str, snapshot_id: str) -> DriftOutcome:
    """The drift of one batch against the training images of a champion."""
    f1 = Interval(value=0.9, low=0.8, high=1.0)
    champion = ChampionSummary(
        version=1,
        since=datetime(2026, 5, 1, tzinfo=UTC),
        backbone="basic_cnn",
        snapshot_id=snapshot_id,
        classes=("covid", "normal"),
        minority="normal",
        minority_f1=f1,
        patients=4,
    )
    return monitor_drift.fn((batch_id,), champion, POLICY, KEY)


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


def test_images_are_compared_as_they_count_now(store: Store) -> None:
    """What a person took out of a batch is not among its new images, and what was let in is."""
    name = "a.new.111111111111"
    rows = {"image_id": list("abcd"), "batch_id": name, "status": ["accepted", "accepted", "held", "quarantined"]}
    sound = {"patient_id": list("pqrs"), "split": "train", "label": "covid", "shard": 0, "row": range(4)}
    outcome = BatchOutcome(batch_id=name, source="a", name="new", status=BatchStatus.HELD)
    commit_batch(store.objects, pd.DataFrame(rows | sound), outcome)
    snapshot = build_snapshot(store.objects, SnapshotOptions(classes=("covid", "normal")))
    assert monitor(store, name, snapshot.snapshot_id).images == 3
    for action, images in (("reject", ("a", "c")), ("release", ("d",))):
        record_decision(store.objects, propose(batch_id=name, action=action, image_ids=images, who="ada", why="seen"))
    assert monitor(store, name, snapshot.snapshot_id).images == 2


def test_the_full_report_runs_no_text_of_a_sender(store: Store) -> None:
    """A maker's name that would end Evidently's script and begin another stands in it as a name alone."""
    name = "</script><script>alert(1)</script><!--"
    current = frame(200).assign(manufacturer=name)
    compare(current, frame(500, seed=3).assign(manufacturer=[name, "b"] * 250), POLICY, store.objects, KEY)
    report = store.objects.get(KEY).decode()
    assert "script>alert(1)" in report
    assert "<script>alert(1)" not in report


def test_columns_are_described_for_people() -> None:
    """A number by its mean, a category by its largest shares."""
    assert describe_column(pd.Series([1.0, 2.0, np.nan])) == "mean 1.5"
    assert describe_column(pd.Series(["PA", "PA", "AP", None])) == "PA 67%, AP 33%"
