"""Features of a snapshot's images, through the cache: the frozen part sees an image once in its life."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.features import load_features, save_features
from storage.shards import group_by_shard, load_shard
from storage.store import Store
from xray_model.progress import advance

if TYPE_CHECKING:
    import keras

_POOLED = 2


@dataclass(frozen=True, slots=True)
class Gathered:
    """Features float16 [n, ...] in the order of the rows, and how many were computed and reused."""

    features: npt.NDArray[np.float16]
    computed: int
    reused: int


def gather_features(store: Store, frozen: "keras.Model", rows: pd.DataFrame, stage: str) -> Gathered:
    """Features of `rows` (`batch_id`, `shard`, `row`), computed where the cache has none.

    Only pooled features are cached: unpooled ones are larger than the pixels they are made from, and cheap.
    """
    from xray_model.network.inference import compute_features
    from xray_model.network.network import fingerprint

    cached = len(frozen.output_shape) == _POOLED
    mark = fingerprint(frozen) if cached else ""
    features = np.zeros((len(rows), *frozen.output_shape[1:]), np.float16)
    computed = reused = 0
    for place in group_by_shard(rows):
        found = load_features(store.objects, mark, place.batch_id, place.shard) if cached else None
        if found is not None:
            features[place.positions] = found[place.rows]
            reused += len(place.positions)
        else:
            pixels = load_shard(store.objects, place.batch_id, place.shard)
            if cached:
                # The whole shard, so that its other images are never sent through the frozen part again.
                found = compute_features(frozen, pixels)
                save_features(store.objects, mark, place.batch_id, place.shard, found)
                features[place.positions] = found[place.rows]
            else:
                features[place.positions] = compute_features(frozen, pixels[place.rows])
            computed += len(place.positions)
        advance(stage, computed + reused, len(rows))
    return Gathered(features, computed, reused)
