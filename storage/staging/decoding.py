"""Decoding one shard of a staged batch: its pixels, and a row of facts for each image."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from storage.incoming import IncomingBatch
from storage.objects import Objects
from storage.shards import array_bytes, shard_key
from storage.staging.files import create_frame, open_batch, read_frame, staging_key
from storage.staging.plan import BatchPlan
from storage.store import Store
from xray_model.data.images import CanonicalImage, decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import StoreUnavailable, UnreadableImage, XrayError


def decode_shard(store: Store, batch: IncomingBatch, plan: BatchPlan, shard: int) -> int:
    """Decode one shard of a staged batch and write its pixels and facts; returns how many images were decoded.

    A bad image becomes a row with its reason. A shard that is already there is not decoded again.

    Raises:
        StoreUnavailable: the store failed, so that nothing is known of the images.
    """
    facts_key = staging_key(plan.batch_id, f"{shard:04d}.parquet")
    if store.objects.exists(facts_key):
        return 0
    records = read_frame(store.objects, staging_key(plan.batch_id, "records.parquet"))
    records = records.iloc[shard * plan.shard_size : (shard + 1) * plan.shard_size]
    files = open_batch(store, batch)
    pixels: list[np.ndarray] = []
    facts: list[dict[str, Any]] = []
    opened = files.open_many([json.loads(name) for name in records.loc[records["unreadable"].isna(), "name"]])
    for row in records.itertuples(index=False):
        if row.unreadable is not None:
            facts.append({"image_id": _hash(f"unread:{row.key}".encode()), "unreadable": row.unreadable})
            continue
        _, data = next(opened)
        found, image = _decode(row, data, store.side)
        if image is not None:
            found |= {"shard": shard, "row": len(pixels)}
            pixels.append(image.pixels)
        facts.append(found)
    canonical = np.stack(pixels) if pixels else np.zeros((0, store.side, store.side), np.uint8)
    _keep_shard(store.objects, shard_key(plan.batch_id, shard), canonical)
    create_frame(store.objects, facts_key, pd.DataFrame(facts))
    return len(pixels)


def _keep_shard(objects: Objects, key: str, canonical: np.ndarray) -> None:
    """Write a shard for ever; a crashed or parallel run may have written the same one before."""
    data = array_bytes(canonical)
    if not objects.create(key, data) and objects.get(key) != data:
        raise StoreUnavailable(
            f"{key} in the store holds other pixels: files of the batch changed while it was read. "
            "It is read again as a new revision by the next run."
        )


def _decode(row: Any, data: bytes | XrayError, side: int) -> tuple[dict[str, Any], CanonicalImage | None]:
    if isinstance(data, StoreUnavailable):
        raise data
    if isinstance(data, XrayError):
        return {"image_id": _hash(f"unread:{row.key}".encode()), "unreadable": str(data)}, None
    image_id = _hash(data)
    try:
        image = decode_image(data, _hints(row.display), side)
    except UnreadableImage as error:
        return {"image_id": image_id, "unreadable": str(error)}, None
    facts = dataclasses.asdict(image.facts)
    quality = facts.pop("quality")
    return {"image_id": image_id, "unreadable": None, **facts, **quality}, image


def _hints(text: str) -> DisplayHints:
    fields = json.loads(text)
    for name in ("window", "rescale"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    if fields["voi_lut"] is not None:
        fields["voi_lut"] = (fields["voi_lut"][0], tuple(fields["voi_lut"][1]))
    return DisplayHints(**fields)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
