"""Batches that a steward decides on, and what a snapshot makes of the decisions."""

import pandas as pd

from storage.catalog import commit_batch
from storage.decisions import PREFIX, Recorded, record_decision
from storage.objects import Objects
from storage.snapshots import build_snapshot, load_snapshot
from xray_model.config import SnapshotOptions
from xray_model.data.decisions import propose
from xray_model.outcomes import BatchOutcome, BatchStatus, SnapshotOutcome

OPTIONS = SnapshotOptions(classes=("covid", "normal"))
HELD, OTHER = "a.held.111111111111", "a.other.222222222222"
SAME, UNLIKE = "ab" * 32, [f"{place:02x}" * 32 for place in (0x0F, 0xF0, 0x33, 0xCC, 0x55, 0xAA, 0x99, 0x66)]


def commit(
    objects: Objects, batch_id: str, statuses: list[str], compared: tuple[str, ...] = (), **columns: object
) -> None:
    """Commit a batch with an image of each status, a patient each, all in the training split."""
    places = range(len(statuses))
    frame = {
        "image_id": [f"{batch_id}-{place}" for place in places],
        "batch_id": batch_id,
        "source": "a",
        "key": [f"k{place}" for place in places],
        "revision": 0,
        "patient_id": [f"{batch_id}-p{place}" for place in places],
        "label": "covid",
        "split": "train",
        "status": statuses,
        "phash": [UNLIKE[place] for place in places],
        "shard": 0,
        "row": places,
    } | columns
    outcome = BatchOutcome(batch_id=batch_id, source="a", name="x", status=BatchStatus.ACCEPTED)
    commit_batch(objects, pd.DataFrame(frame), outcome, compared)


def decide(
    objects: Objects, action: str, *images: str, batch: str = HELD, form: str | None = None, **more: str
) -> Recorded:
    """Record a decision."""
    fields = {"who": "ada", "why": "seen"} | more
    return record_decision(objects, propose(batch_id=batch, action=action, image_ids=images, **fields), token=form)


def snapshot_of(objects: Objects) -> tuple[SnapshotOutcome, set[str]]:
    """A snapshot, and the images in it."""
    snapshot = build_snapshot(objects, OPTIONS)
    return snapshot, set(load_snapshot(objects, snapshot.snapshot_id)["image_id"])


def count(objects: Objects) -> int:
    """Objects of decisions."""
    return len(list(objects.list(PREFIX)))
