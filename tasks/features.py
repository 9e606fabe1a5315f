"""Features of images, through the cache: the frozen part sees an image, or a look at it, once in its life."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.features import ShardLook
from storage.shards import group_by_shard
from storage.store import Store
from tasks.feature_shards import Wanted, open_source
from xray_model.data.looks import AS_THEY_ARE, Look
from xray_model.progress import advance

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Gathered:
    """Features float16 [n, ...] in the order of the rows, and how many were computed and reused."""

    features: npt.NDArray[np.float16]
    computed: int
    reused: int


def gather_features(
    store: Store,
    frozen: "keras.Model",
    rows: pd.DataFrame,
    stage: str,
    look: Look = AS_THEY_ARE,
    *,
    pooled: bool = False,
) -> Gathered:
    """Features of `rows`, computed where the cache has none: here, or where `features_computed_by` says.

    Args:
        store: where pixels and features lie.
        frozen: canonical pixels to features.
        rows: `image_id`, `batch_id`, `shard`, `row`; one image may stand there several times.
        stage: what the progress is called.
        look: how the images are shown to it.
        pooled: of activations [h, w, d] only their averages over the places [d], which take far less room.
    """
    source = open_source(store, frozen, look)
    shape = frozen.output_shape[1:]
    features = np.zeros((len(rows), *(shape[-1:] if pooled else shape)), np.float16)
    image_ids = rows["image_id"].to_numpy()
    places = list(group_by_shard(rows))
    shards = [
        Wanted(ShardLook(place.batch_id, place.shard, look.mark), place.rows, tuple(image_ids[place.positions]))
        for place in places
    ]
    computed, done = source.complete_elsewhere(shards, stage), 0
    for place, wanted in zip(places, shards, strict=True):
        found = source.load(wanted)
        missing = found.missing(wanted.rows)
        if len(missing):
            found = source.complete(found, wanted)
            computed += int(np.isin(wanted.rows, missing).sum())
        taken = found.take(wanted.rows)
        features[place.positions] = pool_places(taken) if pooled else taken
        done += len(place.positions)
        advance(stage, done, len(rows))
    return Gathered(features, computed, len(rows) - computed)


def pool_places(features: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    """Float16 [n, d]: averages over the places of activations [n, ..., d]; pooled features as they are."""
    places = features.reshape(len(features), -1, features.shape[-1])
    averages: npt.NDArray[np.float32] = places.mean(axis=1, dtype=np.float32)
    return averages.astype(np.float16)
