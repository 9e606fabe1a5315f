"""Batches in the catalog without reading any file: rows with statuses and reasons, and shards to look at."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from storage.catalog import commit_batch
from storage.shards import array_bytes, shard_key
from storage.store import Store
from xray_model.outcomes import BatchOutcome, BatchStatus, Refusal

SIDE = 16


def image_id(batch: str, place: int) -> str:
    """Id of the image in this place of a batch."""
    return f"{hash_of(batch):016x}".ljust(56, "0") + f"{place:08x}"


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return sum((place + 1) * ord(character) for place, character in enumerate(text))


def fill(
    store: Store,
    name: str,
    statuses: Sequence[str],
    reasons: Sequence[str] = ("looks inverted", "is a lateral view"),
    batch: str | None = None,
    **columns: object,
) -> str:
    """Commit a batch with an image of each status; quarantined ones take the reasons in turn. Gives the batch's id."""
    batch_id = batch or f"hospital.{name}.{hash_of(name):012x}"
    places = range(len(statuses))
    refused = [place for place, status in enumerate(statuses) if status == "quarantined"]
    told = {place: reasons[turn % len(reasons)] for turn, place in enumerate(refused)}
    frame = {
        "image_id": [image_id(name, place) for place in places],
        "batch_id": batch_id,
        "source": "hospital",
        "key": [f"incoming/hospital/{name}/Jane-Doe-{place}.png" for place in places],
        "revision": 0,
        "patient_id": [f"{place:032x}" for place in places],
        "label": ["covid" if place % 2 else "normal" for place in places],
        "split": "train",
        "status": list(statuses),
        "reasons": [[told[place]] if place in told else [] for place in places],
        "view": ["PA" if place % 3 else "AP" for place in places],
        "manufacturer": ["GMM" if place in told else "Agfa" for place in places],
        "mean": [100.0 + place for place in places],
        "std": 40.0,
        "width": 300,
        "height": 400,
        "phash": [f"{place:064x}" for place in places],
        "shard": 0,
        "row": places,
    } | columns
    rows = pd.DataFrame(frame)
    pixels = np.arange(len(rows) * SIDE * SIDE, dtype=np.uint32).reshape(-1, SIDE, SIDE).astype(np.uint8)
    store.objects.create(shard_key(batch_id, 0), array_bytes(pixels))
    counts = {str(status): int(images) for status, images in rows["status"].value_counts().items()}
    refusals = Counter(told.values()).most_common()
    held = "held" in counts
    outcome = BatchOutcome(
        batch_id=batch_id,
        source="hospital",
        name=name,
        status=BatchStatus.HELD if held else BatchStatus.ACCEPTED,
        reasons=("More than 5% of its images look inverted.",) if held else (),
        files=len(rows),
        read=len(rows),
        refusals=tuple(Refusal(reason=reason, images=images) for reason, images in refusals),
        **counts,
    )
    commit_batch(store.objects, rows, outcome)
    return batch_id
