"""Snapshots: named by their content, without leaks."""

import hashlib

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


def accept(store: Store, batch: str, images: int, compared: tuple[str, ...] = (), **columns: object) -> None:
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
        "split": (["train", "train", "validation", "test"] * images)[:images],
        "status": "accepted",
        "phash": [rng.bytes(32).hex() for _ in range(images)],
        "shard": 0,
        "row": range(images),
    } | columns
    outcome = BatchOutcome(batch_id=batch, source="a", name=batch, status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.DataFrame(frame), outcome, compared)


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


def test_only_batches_that_did_not_see_each_other_are_compared(store: Store) -> None:
    """A pair of batches is compared where neither was with the other, and passed over where one was."""
    hashes = ["ab" * 32, "cd" * 32, "12" * 32, "34" * 32]
    accept(store, "b1", 4, phash=hashes)
    accept(store, "b2", 4, ("b1",), phash=hashes[::-1])
    assert build_snapshot(store.objects, OPTIONS).excluded == {}
    accept(store, "b3", 4, ("b2",), phash=[*hashes[:3], "56" * 32], split="validation")
    snapshot = build_snapshot(store.objects, OPTIONS)
    assert snapshot.excluded == {"like an image in another split (found late)": 2}
    images = set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"])
    assert images.isdisjoint({"b3-0", "b3-1"})


def test_corrected_file_takes_the_place_of_the_old_one(store: Store) -> None:
    """Of two accepted rows of one file the one of the later revision is trained on."""
    accept(store, "a.b.111111111111", 4, key=["k0", "k1", "k2", "k3"])
    accept(store, "a.b.000000000000", 4, key=["k0", "l1", "l2", "l3"], revision=1)
    snapshot = build_snapshot(store.objects, OPTIONS)
    images = set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"])
    assert "a.b.111111111111-0" not in images
    assert "a.b.000000000000-0" in images
    assert snapshot.excluded == {"replaced by a file sent later": 1}


@pytest.mark.parametrize("status", ["quarantined", "held"])
def test_file_replaced_by_a_bad_one_is_not_trained_on(store: Store, status: str) -> None:
    """Where a newer file was sent and not accepted, the older one does not come back."""
    accept(store, "a.b.111111111111", 4, key=["k0", "k1", "k2", "k3"])
    accept(store, "a.b.000000000000", 1, key=["k0"], revision=1, status=status, split="train")
    snapshot = build_snapshot(store.objects, OPTIONS)
    assert len(load_snapshot(store.objects, snapshot.snapshot_id)) == 3
    assert snapshot.excluded == {"replaced by a file sent later": 1}


def test_archives_of_one_source_may_hold_the_same_names(store: Store) -> None:
    """Members of two archives under one key are two images, both trained on."""
    accept(store, "a.first.111111111111", 4, key=["k0", "k1", "k2", "k3"])
    accept(store, "a.second.222222222222", 4, key=["k0", "k1", "k2", "k3"])
    snapshot = build_snapshot(store.objects, OPTIONS)
    assert snapshot.excluded == {}
    assert len(load_snapshot(store.objects, snapshot.snapshot_id)) == 8


def test_batch_that_was_read_again_is_trained_on_once(store: Store) -> None:
    """Only the rows of the last reading are in a snapshot; what it found otherwise does not come back."""
    accept(store, "a.b.111111111111", 4)
    accept(store, "a.b.111111111111-1", 4, status=["accepted", "accepted", "quarantined", "accepted"])
    snapshot = build_snapshot(store.objects, OPTIONS)
    assert set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"]) == {
        f"a.b.111111111111-1-{place}" for place in (0, 1, 3)
    }


def test_image_without_patient_stops_everything(store: Store) -> None:
    """An accepted image that nobody can place on a side of the split is an error before any training."""
    accept(store, "b1", 4, patient_id=["p", None, "q", "r"])
    with pytest.raises(LeakFound, match="no patient or no split"):
        build_snapshot(store.objects, OPTIONS)


def test_id_is_that_of_a_plain_loop(store: Store) -> None:
    """The id is the hash of image, patient, finding and split, line by line in the order of images."""
    accept(store, "b1", 8)
    snapshot = build_snapshot(store.objects, OPTIONS)
    rows = load_snapshot(store.objects, snapshot.snapshot_id)
    lines = ["\0".join(row) for row in rows[["image_id", "patient_id", "label", "split"]].to_numpy()]
    assert lines == sorted(lines)
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert snapshot.snapshot_id == digest[:16]
