"""Snapshots to look at: accepted images with pixels, and the store that holds them."""

import hashlib

import numpy as np
import pandas as pd

from storage.catalog import catalog_key, commit_batch
from storage.shards import array_bytes, shard_key
from storage.snapshots import build_snapshot
from storage.store import Store
from xray_model.config import SnapshotOptions
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.outcomes import BatchOutcome, BatchStatus

SIDE = 32
BATCH = "clinic.first.111111111111"
OPTIONS = SnapshotOptions(classes=("covid", "normal", "pneumonia"))


def describe_images(images: int, **columns: object) -> pd.DataFrame:
    """Rows of a snapshot with sizes: two images of each patient, classes in turn; `columns` take the place of some."""
    rng = np.random.default_rng(images)
    places = np.arange(images)
    return pd.DataFrame(
        {
            "image_id": [hashlib.sha256(f"{images} {place}".encode()).hexdigest() for place in places],
            "batch_id": BATCH,
            "source": np.where(places // 4 % 2, "clinic", "school"),
            "patient_id": [f"p{place // 2}" for place in places],
            "label": np.where(places // 2 % 2, "covid", "normal"),
            "split": np.array(["train", "train", "validation", "test"])[places // 2 % 4],
            "view": "PA",
            "sex": np.where(places // 2 % 3, "F", "M"),
            "age": (20.0 + places) % 90,
            "manufacturer": "Acme",
            "phash": [rng.bytes(32).hex() for _ in places],
            "shard": 0,
            "row": places,
            "width": 2 * SIDE,
            "height": SIDE,
            **dict.fromkeys(QUALITY_FIGURES, 1.0),
            "aspect": 2.0,
            **columns,
        }
    )


def put_snapshot(store: Store, rows: pd.DataFrame) -> str:
    """Commit `rows` as accepted images of one batch, gray stripes in black padding; gives the id of their snapshot."""
    pixels = np.zeros((len(rows), SIDE, SIDE), np.uint8)
    pixels[:, SIDE // 4 : -SIDE // 4] = 100 + np.arange(len(rows))[:, None, None] % 50
    store.objects.put(shard_key(BATCH, 0), array_bytes(pixels))
    names = [f"incoming/clinic/{place}.png" for place in range(len(rows))]
    outcome = BatchOutcome(batch_id=BATCH, source="clinic", name="first", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, rows.assign(status="accepted", revision=0, key=names), outcome)
    return build_snapshot(store.objects, OPTIONS).snapshot_id


def forget_batch(store: Store) -> None:
    """Take the batch out of catalog and shards, as an operator who deletes a sender's images does."""
    store.objects.delete(catalog_key(BATCH))
    store.objects.delete(shard_key(BATCH, 0))
