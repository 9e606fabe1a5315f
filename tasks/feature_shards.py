"""Features of one shard: computed in this process, or by a worker that a flow hands shards to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from prefect import Task

from storage.features import FeatureCache, Rows, ShardFeatures, ShardLook, frozen_key
from storage.settings import Settings
from storage.shards import count_images, load_shard
from storage.store import Store, open_store_of
from tasks.skin import stage_task
from xray_model.data.looks import Look
from xray_model.errors import InvalidInput

if TYPE_CHECKING:
    import keras

RunShards = Callable[[Task[..., Any], Sequence[Mapping[str, Any]], str], list[Any]]
"""Does a task once for each set of arguments, somewhere; the text is what progress calls it."""

_run_elsewhere: ContextVar[RunShards | None] = ContextVar("run_elsewhere", default=None)
KERAS = Lock()
"""Held by the thread of a worker that computes: Keras is not made for several, and one has all cores."""


@contextmanager
def features_computed_by(run: RunShards) -> Iterator[None]:
    """Within, also in tasks that are called there, features that the cache lacks are computed by others."""
    token = _run_elsewhere.set(run)
    try:
        yield
    finally:
        _run_elsewhere.reset(token)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some images of one shard under one look."""

    place: ShardLook
    rows: Rows
    """Rows in the shard, int [k]; one may stand there several times."""
    image_ids: tuple[str, ...]
    """Of these rows."""

    def only(self, rows: Rows) -> "Wanted":
        """Those of these rows."""
        there = np.isin(self.rows, rows).tolist()
        ids = tuple(image_id for image_id, chosen in zip(self.image_ids, there, strict=True) if chosen)
        return Wanted(self.place, self.rows[there], ids)


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """What features are made from, and where they are kept."""

    store: Store
    frozen: "keras.Model"
    look: Look
    cache: FeatureCache | None
    """None where they are not kept."""

    def load(self, wanted: Wanted) -> ShardFeatures:
        """What is kept of a shard."""
        return self.cache.load(wanted.place) if self.cache else ShardFeatures.none(self.frozen.output_shape[1:])

    def complete(self, kept: ShardFeatures, wanted: Wanted) -> ShardFeatures:
        """`kept` with the rows that it lacks, put into the cache where that has room for them."""
        from xray_model.network.inference import compute_features

        missing, place = kept.missing(wanted.rows), wanted.place
        pixels = load_shard(self.store.objects, place.batch_id, place.shard)
        room = self.cache is not None and self.cache.take_room(len(pixels) if place.whole else len(missing))
        if place.whole and room:
            # The whole shard, so that its other images are never sent through the frozen part again.
            kept, missing = ShardFeatures.none(kept.features.shape[1:]), np.arange(len(pixels))
        names = dict(zip(wanted.rows.tolist(), wanted.image_ids, strict=True))
        # Of a whole shard there are images that nobody asked for by name, and that need none.
        seen = self.look.show(pixels[missing], [names.get(row, "") for row in missing.tolist()])
        found = kept.with_rows(missing, compute_features(self.frozen, seen))
        if self.cache is not None and room:
            self.cache.save(place, found)
        return found

    def complete_elsewhere(self, shards: Sequence[Wanted], stage: str) -> int:
        """Have others compute what the cache lacks and has room for, where the flow says so; how many of the rows.

        The frozen part itself goes through the store: wherever its weights are from, all workers have the same.
        """
        from xray_model.network.network import fingerprint

        run = _run_elsewhere.get()
        if run is None or self.cache is None:
            return 0
        lacking = [wanted.only(missing) for wanted in shards if len(missing := self._missing(wanted))]
        if lacking:
            mark = fingerprint(self.frozen)
            _publish(self.store, self.frozen, mark)
            common = {"fingerprint": mark, "look": self.look, "store_url": Settings().store_url}
            run(compute_shard_features, [{"wanted": wanted, **common} for wanted in lacking], f"{stage}, by shards")
        return sum(len(wanted.rows) for wanted in lacking)

    def _missing(self, wanted: Wanted) -> Rows:
        """Rows that the cache lacks; none where it has no room for them."""
        place, missing = wanted.place, self.load(wanted).missing(wanted.rows)
        if self.cache is None or not len(missing):
            return missing
        objects = self.store.objects
        images = count_images(objects, place.batch_id, place.shard) if place.whole else len(missing)
        return missing if self.cache.take_room(images) else missing[:0]


def open_source(store: Store, frozen: "keras.Model", look: Look) -> FeatureSource:
    """What a part without weights makes is not kept: it is as large as the pixels it is made from, and cheap."""
    from xray_model.network.network import fingerprint

    if not frozen.weights:
        return FeatureSource(store, frozen, look, None)
    shape = frozen.output_shape[1:]
    cache = FeatureCache(store.objects, fingerprint(frozen), shape, store.feature_bytes)
    return FeatureSource(store, frozen, look, cache)


@stage_task("compute-shard-features")
def compute_shard_features(fingerprint: str, look: Look, wanted: Wanted, store_url: str) -> None:
    """Put what the cache lacks of one shard into it, room for which the flow has taken.

    Raises:
        ConfigurationError: it runs on a machine whose store is another than the flow's.
        InvalidInput: the frozen part in the store is not the flow's.
    """
    _compute(open_store_of(Settings(), store_url), fingerprint, look, wanted)


def _compute(store: Store, fingerprint: str, look: Look, wanted: Wanted) -> None:
    # Apart from the task, which goes to the worker by value with all that it names: no lock can.
    with KERAS:
        frozen = _load_frozen(store, fingerprint)
        cache = FeatureCache(store.objects, fingerprint, frozen.output_shape[1:], most_bytes=None)
        kept = cache.load(wanted.place)
        if len(kept.missing(wanted.rows)):
            FeatureSource(store, frozen, look, cache).complete(kept, wanted)


def _publish(store: Store, frozen: "keras.Model", fingerprint: str) -> None:
    from xray_model.network.network import save

    key = frozen_key(fingerprint)
    if store.objects.exists(key):
        return
    with TemporaryDirectory(prefix="xray-frozen-") as folder:
        path = Path(folder) / "frozen.keras"
        save(frozen, path)
        store.objects.put_file(key, path)


@lru_cache(maxsize=1)
def _load_frozen(store: Store, fingerprint: str) -> "keras.Model":
    from xray_model.network import network

    with TemporaryDirectory(prefix="xray-frozen-") as folder:
        path = Path(folder) / "frozen.keras"
        store.objects.get_file(frozen_key(fingerprint), path)
        frozen = network.load(path)
    if (found := network.fingerprint(frozen)) != fingerprint:
        raise InvalidInput(
            f"{frozen_key(fingerprint)} in the store holds the frozen part {found}: delete it, and it is written anew; "
            "if that does not help, this worker has another release of Keras than the flow"
        )
    return frozen
