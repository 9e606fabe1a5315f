"""Decoding one shard of a staged batch: its pixels, and a row of facts for each image."""

import hashlib
import json
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.archives import BatchFiles
from storage.shards import array_bytes, shard_key
from storage.staging.files import facts_key, frame_bytes, open_batch, read_frame, records_key
from storage.staging.plan import BatchPlan, load_objects
from storage.store import Store
from xray_model.data.images import PixelFacts, decode_image
from xray_model.data.quality import QualityFigures
from xray_model.data.records import DisplayHints
from xray_model.errors import StoreUnavailable, UnreadableImage, XrayError

_PIXEL_FACTS = tuple(field.name for field in fields(PixelFacts) if field.name != "quality")
_QUALITY = tuple(field.name for field in fields(QualityFigures))
_pixel_facts, _quality = attrgetter(*_PIXEL_FACTS), attrgetter(*_QUALITY)


def decode_shard(store: Store, plan: BatchPlan, shard: int) -> int:
    """Decode one shard of a staged batch and write its pixels and facts; returns how many images were decoded.

    A bad image becomes a row with its reason. A shard that is already there is not decoded again.

    Raises:
        ObjectNotFound: another run has committed the batch and cleared up.
        StoreUnavailable: the store failed, so that nothing is known of the images.
    """
    if store.objects.exists(facts_key(plan.batch_id, shard)):
        return 0
    records = read_frame(store.objects, records_key(plan.batch_id, shard))
    readable = records.loc[records["unreadable"].isna()]
    canvas = np.zeros((len(readable), store.side, store.side), np.uint8)
    decoded = 0
    facts: list[dict[str, Any]] = []
    opened = _files(store, plan.batch_id).open_many([json.loads(name) for name in readable["name"]])
    for key, display, unreadable in records[["key", "display", "unreadable"]].itertuples(index=False, name=None):
        data = UnreadableImage(unreadable) if unreadable is not None else next(opened)[1]
        found = _decode(key, display, data, canvas[decoded : decoded + 1])
        if found["unreadable"] is None:
            found |= {"shard": shard, "row": decoded}
            decoded += 1
        facts.append(found)
    _keep_shard(store, shard_key(plan.batch_id, shard), canvas[:decoded])
    store.objects.create(facts_key(plan.batch_id, shard), frame_bytes(pd.DataFrame(facts)))
    return decoded


@lru_cache(maxsize=4)
def _files(store: Store, batch_id: str) -> BatchFiles:
    """The files of a batch, listed once for all its shards; they are named by what the batch id is a digest of."""
    return open_batch(store, load_objects(store.objects, batch_id))


def _keep_shard(store: Store, key: str, pixels: npt.NDArray[np.uint8]) -> None:
    """Write a shard for ever; a crashed or parallel run may have written the same one before."""
    data = array_bytes(pixels)
    if not store.objects.create(key, data) and store.objects.get(key) != data:
        raise StoreUnavailable(
            f"{key} in the store holds other pixels: files of the batch changed while it was read. "
            "It is read again as a new revision by the next run."
        )


def _decode(key: str, display: str, data: bytes | XrayError, place: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Decode one image into `place`, uint8 [1, side, side], and say what is known of it."""
    if isinstance(data, StoreUnavailable):
        raise data
    if isinstance(data, XrayError):
        return {"image_id": hashlib.sha256(f"unread:{key}".encode()).hexdigest(), "unreadable": str(data)}
    image_id = hashlib.sha256(data).hexdigest()
    try:
        image = decode_image(data, _hints(display), place.shape[1])
    except UnreadableImage as error:
        return {"image_id": image_id, "unreadable": str(error)}
    place[0] = image.pixels
    return {
        "image_id": image_id,
        "unreadable": None,
        **dict(zip(_PIXEL_FACTS, _pixel_facts(image.facts), strict=True)),
        **dict(zip(_QUALITY, _quality(image.facts.quality), strict=True)),
    }


@lru_cache(maxsize=64)
def _hints(text: str) -> DisplayHints:
    stored = json.loads(text)
    for name in ("window", "rescale"):
        stored[name] = None if stored[name] is None else tuple(stored[name])
    if stored["voi_lut"] is not None:
        stored["voi_lut"] = (stored["voi_lut"][0], tuple(stored["voi_lut"][1]))
    return DisplayHints(**stored)
