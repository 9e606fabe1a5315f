"""Decoding one shard of a staged batch: its pixels, and a row of facts for each image."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.archives import BatchFiles
from storage.shards import ShardBuffer, shard_key
from storage.staging.files import facts_key, frame_bytes, open_batch, read_frame, records_key
from storage.staging.plan import BatchPlan, load_objects
from storage.store import Store
from xray_model.data.images import DecodedImage, decode_into, describe_images
from xray_model.data.records import DisplayHints
from xray_model.errors import StoreUnavailable, UnreadableImage, XrayError


@dataclass(frozen=True, slots=True)
class _Decoded:
    image_id: str
    image: DecodedImage | None
    """None for an image that cannot be read, which has a reason instead."""
    unreadable: str | None = None


def decode_shard(store: Store, plan: BatchPlan, shard: int) -> int:
    """Decode one shard of a staged batch and write its pixels and facts; returns how many images were decoded.

    A bad image becomes a row with its reason. A shard that is already there is not decoded again.

    Raises:
        ObjectNotFound: another run has committed the batch and cleared up.
        StoreUnavailable: the store failed, so that nothing is known of the images.
    """
    if store.objects.exists(facts_key(plan.batch_id, shard)):
        return 0
    records = read_frame(store.objects, records_key(plan.batch_id, plan.records, shard))
    buffer = ShardBuffer(int(records["unreadable"].isna().sum()), store.side)
    images = _decode_all(store, plan.batch_id, records, buffer.pixels)
    decoded = sum(found.image is not None for found in images)
    _keep_shard(store, shard_key(plan.batch_id, shard), buffer.encode(decoded))
    store.objects.create(facts_key(plan.batch_id, shard), frame_bytes(_describe(images, shard)))
    return decoded


def _decode_all(store: Store, batch_id: str, records: pd.DataFrame, pixels: npt.NDArray[np.uint8]) -> list[_Decoded]:
    """What became of each record; the pixels of those that can be decoded stand one after another in `pixels`."""
    images: list[_Decoded] = []
    decoded = 0
    readable = records.loc[records["unreadable"].isna()]
    opened = _files(store, batch_id).open_many([json.loads(name) for name in readable["name"]])
    for key, display, unreadable in records[["key", "display", "unreadable"]].itertuples(index=False, name=None):
        data = UnreadableImage(unreadable) if unreadable is not None else next(opened)[1]
        images.append(_decode(key, display, data, pixels[decoded : decoded + 1]))
        decoded += images[-1].image is not None
    return images


@lru_cache(maxsize=4)
def _files(store: Store, batch_id: str) -> BatchFiles:
    """The files of a batch, listed once for all its shards; they are named by what the batch id is a digest of."""
    return open_batch(store, load_objects(store.objects, batch_id))


def _keep_shard(store: Store, key: str, data: memoryview) -> None:
    """Write a shard for ever; a crashed or parallel run may have written the same one before."""
    if not store.objects.create(key, data) and store.objects.get(key) != data:
        raise StoreUnavailable(
            f"{key} in the store holds other pixels: files of the batch changed while it was read. "
            "It is read again as a new revision by the next run."
        )


def _decode(key: str, display: str, data: bytes | XrayError, place: npt.NDArray[np.uint8]) -> _Decoded:
    """Decode one image into `place`, uint8 [1, side, side]."""
    if isinstance(data, StoreUnavailable):
        raise data
    if isinstance(data, XrayError):
        return _Decoded(hashlib.sha256(f"unread:{key}".encode()).hexdigest(), None, str(data))
    image_id = hashlib.sha256(data).hexdigest()
    try:
        return _Decoded(image_id, decode_into(data, _hints(display), place[0]))
    except UnreadableImage as error:
        return _Decoded(image_id, None, str(error))


def _describe(images: Sequence[_Decoded], shard: int) -> pd.DataFrame:
    """One row of facts for each image; those that were decoded have a row of the shard."""
    rows = pd.DataFrame(
        {"image_id": [found.image_id for found in images], "unreadable": [found.unreadable for found in images]}
    )
    decoded = [found.image for found in images if found.image]
    places = rows.index[[found.image is not None for found in images]]
    facts = pd.DataFrame({**describe_images(decoded), "shard": shard, "row": range(len(decoded))}, index=places)
    return rows.join(facts)


@lru_cache(maxsize=64)
def _hints(text: str) -> DisplayHints:
    stored = json.loads(text)
    for name in ("window", "rescale"):
        stored[name] = None if stored[name] is None else tuple(stored[name])
    if stored["voi_lut"] is not None:
        stored["voi_lut"] = (stored["voi_lut"][0], tuple(stored["voi_lut"][1]))
    return DisplayHints(**stored)
