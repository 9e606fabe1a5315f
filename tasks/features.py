"""Features of images, through the cache: the frozen part sees an image, or a look at it, once in its life."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.features import FeatureCache, Rows, ShardFeatures, ShardLook
from storage.shards import ShardPlaces, group_by_shard, load_shard
from storage.store import Store
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
    """Features of `rows`, computed where the cache has none.

    What a part without weights makes is not cached: it is as large as the pixels it is made from, and cheap.

    Args:
        store: where pixels and features lie.
        frozen: canonical pixels to features.
        rows: `image_id`, `batch_id`, `shard`, `row`; one image may stand there several times.
        stage: what the progress is called.
        look: how the images are shown to it.
        pooled: of activations [h, w, d] only their averages over the places [d], which take far less room.
    """
    source = _Source(store, frozen, look)
    shape = frozen.output_shape[1:]
    cache = source.open_cache() if frozen.weights else None
    features = np.zeros((len(rows), *(shape[-1:] if pooled else shape)), np.float16)
    image_ids = rows["image_id"].to_numpy()
    computed = done = 0
    for place in group_by_shard(rows):
        key = source.key(place)
        kept = cache.load(key) if cache else ShardFeatures.none(shape)
        missing = kept.missing(place.rows)
        if len(missing):
            kept = source.compute(cache, kept, missing, place, image_ids[place.positions])
            computed += int(np.isin(place.rows, missing).sum())
        taken = kept.take(place.rows)
        features[place.positions] = pool_places(taken) if pooled else taken
        done += len(place.positions)
        advance(stage, done, len(rows))
    return Gathered(features, computed, len(rows) - computed)


def pool_places(features: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    """Float16 [n, d]: averages over the places of activations [n, ..., d]; pooled features as they are."""
    places = features.reshape(len(features), -1, features.shape[-1])
    averages: npt.NDArray[np.float32] = places.mean(axis=1, dtype=np.float32)
    return averages.astype(np.float16)


@dataclass(frozen=True, slots=True)
class _Source:
    """What features are made from."""

    store: Store
    frozen: "keras.Model"
    look: Look

    def open_cache(self) -> FeatureCache:
        from xray_model.network.network import fingerprint

        shape = self.frozen.output_shape[1:]
        return FeatureCache(self.store.objects, fingerprint(self.frozen), shape, self.store.feature_bytes)

    def key(self, place: ShardPlaces) -> ShardLook:
        return ShardLook(place.batch_id, place.shard, self.look.mark)

    def compute(
        self,
        cache: FeatureCache | None,
        kept: ShardFeatures,
        missing: Rows,
        place: ShardPlaces,
        image_ids: npt.NDArray[np.object_],
    ) -> ShardFeatures:
        """`kept` with the missing rows of a shard, put into the cache where it has room for them."""
        from xray_model.network.inference import compute_features

        pixels = load_shard(self.store.objects, place.batch_id, place.shard)
        whole = self.key(place).whole
        room = cache is not None and cache.has_room(len(pixels) if whole else len(missing))
        if whole and room:
            # The whole shard, so that its other images are never sent through the frozen part again.
            kept, missing = ShardFeatures.none(kept.features.shape[1:]), np.arange(len(pixels))
        names = dict(zip(place.rows.tolist(), image_ids.tolist(), strict=True))
        # Of a whole shard there are images that nobody asked for by name, and that need none.
        seen = self.look.show(pixels[missing], [names.get(row, "") for row in missing.tolist()])
        found = kept.with_rows(missing, compute_features(self.frozen, seen))
        if cache is not None and room:
            cache.save(self.key(place), found, added=len(missing))
        return found
