"""What a comparison costs: 2,000 new images against a reference of 20,000, with features that are there already.

`python bench/drift.py` writes catalog, snapshot and features of drawn figures into a temporary folder. What is counted:
reading the rows, the features and the model's answers, the reference frame (which a champion makes once), the samples
with their permutations, Evidently, and the judgement. Not counted, and printed beside it: importing Evidently. Its last
line is one JSON object: `seconds_reference`, `seconds_20k_2k` (both together), `seconds_import` and `peak_mb` of all.
"""

import io
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from storage.catalog import commit_batch
from storage.features import FeatureCache, ShardFeatures, ShardLook
from storage.objects import open_objects
from storage.snapshots import COLUMNS, snapshot_key
from storage.store import Store
from tasks.drift import measure
from tasks.drift_frames import build_current, load_new_rows, load_or_build_reference
from xray_model.config import DriftPolicy
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.data.splits import SplitShares
from xray_model.evaluation.drift.judging import judge
from xray_model.evaluation.drift.preparing import prepare
from xray_model.outcomes import BatchOutcome, BatchStatus

if TYPE_CHECKING:
    import keras

KNOWN, NEW, SHARD = 20_000, 2_000, 1_000
FEATURES, SIDE = 1280, 8
CLASSES = ("covid", "normal", "pneumonia")
SNAPSHOT = "0" * 16
SPLITS, SHARES = ("train", "validation", "test"), (0.6, 0.15, 0.25)


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as folder:
        store = Store(open_objects(Path(folder).as_uri()), SIDE, SplitShares(), b"salt", Path(folder), 10**10)
        model = make_model()
        rows = write_batch(store, model, "known", KNOWN)
        put_snapshot(store, rows)
        write_batch(store, model, "new", NEW)
        import_seconds = timed(lambda: __import__("evidently"))
        started = time.perf_counter()
        reference = load_or_build_reference(store, model, "run", SNAPSHOT)
        reference_seconds = time.perf_counter() - started
        new, _ = load_new_rows(store.objects, [batch_id("new")], CLASSES)
        current = build_current(store, model, new, reference.axes)
        policy = DriftPolicy()
        comparison = prepare(current, reference.frame, policy, CLASSES)
        outcome = judge(comparison, measure(comparison).scores, policy)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{outcome.images:,} new images against {outcome.reference_images:,}: {outcome.state}")
    print(
        f"{len(outcome.columns)} columns compared, of {outcome.compared:,} and {outcome.compared_reference:,} patients"
    )
    print(f"reference {reference_seconds:.1f} s, all {seconds:.1f} s, Evidently itself {import_seconds:.1f} s")
    result = {"seconds_reference": reference_seconds, "seconds_20k_2k": seconds, "seconds_import": import_seconds}
    print(json.dumps({name: round(value, 2) for name, value in result.items()} | {"peak_mb": round(peak)}))


def make_model() -> "keras.Model":
    """A network that was never trained, with as many features as MobileNetV2 has."""
    import keras
    from keras import layers

    from xray_model.network import network
    from xray_model.network.backbones.registry import BACKBONES

    pixels = keras.Input((SIDE, SIDE, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(FEATURES, 3)(pixels))
    frozen = keras.Model(pixels, x, name="frozen")
    head = network.build_head(BACKBONES["mobilenet_v2"], (FEATURES,), CLASSES, 0.0, hidden_units=256)
    kernel, bias = head.get_layer("scores").get_weights()
    head.get_layer("scores").set_weights([np.random.default_rng(1).normal(size=kernel.shape), bias])
    return network.join(frozen, head)


def write_batch(store: Store, model: "keras.Model", name: str, images: int) -> pd.DataFrame:
    """Commit a batch of drawn figures, and put drawn features of its shards into the cache."""
    from xray_model.network import network

    rng = np.random.default_rng(images)
    frozen, _ = network.split(model)
    cache = FeatureCache(store.objects, network.fingerprint(frozen), (FEATURES,), store.feature_bytes)
    for shard in range(images // SHARD):
        drawn = rng.normal(size=(SHARD, FEATURES)).astype(np.float16)
        cache.save(ShardLook(batch_id(name), shard), ShardFeatures(np.arange(SHARD), drawn))
    numbers = {figure: rng.normal(100, 10, images) for figure in QUALITY_FIGURES}
    numbers |= {"min": np.zeros(images), "max": np.full(images, 255)}
    rows = pd.DataFrame(
        {
            "image_id": [rng.bytes(32).hex() for _ in range(images)],
            "batch_id": batch_id(name),
            "source": rng.choice(["one", "other"], images),
            "patient_id": [f"{name}{place}" for place in range(images)],
            "label": rng.choice(CLASSES, images),
            "split": rng.choice(SPLITS, images, p=SHARES),
            "status": "accepted",
            "shard": np.arange(images) // SHARD,
            "row": np.arange(images) % SHARD,
            "view": rng.choice(["PA", "AP"], images),
            "sex": rng.choice(["F", "M"], images),
            "age": rng.integers(18, 90, images).astype(float),
            "manufacturer": rng.choice(["GE", "Philips", "Siemens"], images),
            "bits": rng.choice([8, 12], images),
            "window_path": rng.choice(["window", "percentiles"], images),
            **numbers,
        }
    )
    outcome = BatchOutcome(batch_id=batch_id(name), source="one", name=name, status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, rows, outcome)
    return rows


def put_snapshot(store: Store, rows: pd.DataFrame) -> None:
    """Write these rows as the snapshot."""
    buffer = io.BytesIO()
    rows.reindex(columns=list(COLUMNS)).to_parquet(buffer, index=False)
    store.objects.put(snapshot_key(SNAPSHOT), buffer.getvalue())


def batch_id(name: str) -> str:
    """Id of a batch."""
    return f"one.{name}.111111111111"


def timed(act: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
