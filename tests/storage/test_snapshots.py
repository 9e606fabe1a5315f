"""Snapshots: named by their content, without leaks."""

import numpy as np
import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.snapshots import build_snapshot, load_snapshot
from storage.store import Store
from xray_model.config import SnapshotOptions
from xray_model.errors import LeakFound
from xray_model.outcomes import BatchOutcome, BatchStatus

OPTIONS = SnapshotOptions(classes=("covid", "normal"))


def accept(store: Store, batch: str, images: int, **columns: object) -> None:
    """Commit a batch of accepted images, a patient each, which differ from all others."""
    rng = np.random.default_rng(sum(batch.encode()))
    frame = {
        "image_id": [f"{batch}-{place}" for place in range(images)],
        "batch_id": batch,
        "source": "a",
        "key": [f"incoming/a/{batch}/{place}.png" for place in range(images)],
        "revision": 0,
        "patient_id": [f"{batch}-p{place}" for place in range(images)],
        "label": ["covid" if place % 2 else "normal" for place in range(images)],
        "split": ["train", "train", "validation", "test"] * (images // 4),
        "status": "accepted",
        "phash": [rng.bytes(32).hex() for _ in range(images)],
        "shard": 0,
        "row": range(images),
    } | columns
    outcome = BatchOutcome(batch_id=batch, source="a", name=batch, status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.DataFrame(frame), outcome)


def test_id_is_the_content(store: Store) -> None:
    """The same rows give the same id, one more row another; the counts are of what is in it."""
    accept(store, "b1", 8)
    first, second = build_snapshot(store.objects, OPTIONS), build_snapshot(store.objects, OPTIONS)
    assert first == second
    assert first.counts["train"] == {"covid": 2, "normal": 2}
    accept(store, "b2", 4)
    assert build_snapshot(store.objects, OPTIONS).snapshot_id != first.snapshot_id
    assert len(load_snapshot(store.objects, first.snapshot_id)) == 8
    assert len(load_snapshot(store.objects, first.snapshot_id, "test")) == 2


def test_only_accepted_rows_of_the_classes_asked_for(store: Store) -> None:
    """Quarantined and held rows never enter; other findings and sources are left out and counted."""
    accept(store, "b1", 4)
    accept(store, "b2", 4, status=["held", "quarantined", "accepted", "accepted"], label="pneumonia")
    accept(store, "b3", 4, source="elsewhere")
    snapshot = build_snapshot(store.objects, OPTIONS.model_copy(update={"sources": ("a",)}))
    assert set(load_snapshot(store.objects, snapshot.snapshot_id)["batch_id"]) == {"b1"}
    assert sum(snapshot.excluded.values()) == 6


def test_patient_in_two_splits_stops_everything(store: Store) -> None:
    """A planted leak, one patient in training and test, is an error before any training."""
    accept(store, "b1", 4, patient_id=["p", "q", "r", "p"])
    with pytest.raises(LeakFound, match="1 patients stand in more than one split"):
        build_snapshot(store.objects, OPTIONS)


def test_late_leak_leaves(store: Store) -> None:
    """Of two batches ingested at once that hold one picture in two splits, the later row is left out and counted."""
    accept(store, "b1", 4, phash=["ab" * 32, "cd" * 32, "12" * 32, "34" * 32])
    accept(store, "b2", 4, phash=["ef" * 32, "56" * 32, "78" * 32, "ab" * 32])
    snapshot = build_snapshot(store.objects, OPTIONS)
    assert snapshot.excluded == {"like an image in another split (found late)": 1}
    assert "b2-3" not in set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"])


def test_corrected_file_takes_the_place_of_the_old_one(store: Store) -> None:
    """Of two accepted rows of one file the one of the later revision is trained on."""
    accept(store, "b1", 4, key=["k0", "k1", "k2", "k3"])
    accept(store, "b0", 4, key=["k0", "l1", "l2", "l3"], revision=1)
    snapshot = build_snapshot(store.objects, OPTIONS)
    images = set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"])
    assert "b1-0" not in images
    assert "b0-0" in images
    assert snapshot.excluded == {"replaced by a file sent later": 1}
