"""A small model, batches of gray squares for it to see, and what monitors them against it."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.decisions import record_decision
from storage.shards import array_bytes, shard_key
from storage.snapshots import COLUMNS, snapshot_key
from storage.store import Store
from tasks import monitoring
from tasks.drift import Measured
from xray_model.data.decisions import propose
from xray_model.evaluation.drift.comparison import Comparison
from xray_model.evaluation.drift.judging import score_columns
from xray_model.outcomes import BatchOutcome, BatchStatus, ChampionSummary, DriftOutcome, DriftState, Interval

if TYPE_CHECKING:
    import keras

SIDE = 24
CLASSES = ("covid", "normal")
SNAPSHOT = "0123456789abcdef"
NEW = "clinic.new.111111111111"
"""What `commit_squares` calls the batch `new`."""
SPLITS = ("train", "train", "validation", "test")
CHAMPION = ChampionSummary(
    version=3,
    since=datetime(2026, 5, 1, tzinfo=UTC),
    backbone="mobilenet_v2",
    snapshot_id=SNAPSHOT,
    classes=CLASSES,
    minority="normal",
    minority_f1=Interval(value=0.9, low=0.8, high=1.0),
    patients=40,
)


def make_model(*, weights: bool = True) -> "keras.Model":
    """A joined model that was never trained; without weights in its frozen part it is one that is trained whole."""
    import keras
    from keras import layers

    from xray_model.network import network
    from xray_model.network.backbones.registry import BACKBONES

    pixels = keras.Input((SIDE, SIDE, 1))
    x = layers.Rescaling(1 / 255)(pixels)
    if weights:
        x = layers.Conv2D(6, 3, kernel_initializer=keras.initializers.GlorotUniform(1))(x)
        x = layers.GlobalAveragePooling2D()(x)
    frozen = keras.Model(pixels, x, name="frozen")
    backbone = BACKBONES["mobilenet_v2" if weights else "basic_cnn"]
    head = network.build_head(backbone, frozen.output_shape[1:], CLASSES, 0.0)
    kernel, bias = head.get_layer("scores").get_weights()
    head.get_layer("scores").set_weights([np.random.default_rng(2).normal(size=kernel.shape), bias])
    return network.join(frozen, head)


@contextmanager
def one_model(path: Path) -> Iterator[Path]:
    """Any run's model, as a registry gives it."""
    yield path


def commit_squares(store: Store, name: str, images: int, level: float = 120.0, seed: int = 0) -> pd.DataFrame:
    """Commit a batch `clinic.<name>.…` of accepted images, a patient each; gives its rows."""
    rng = np.random.default_rng([seed, *name.encode()])
    batch_id = f"clinic.{name}.111111111111"
    levels = np.clip(rng.normal(level, 12, images), 10, 245)
    noise = rng.normal(0, 8, (images, SIDE, SIDE))
    pixels = np.clip(levels[:, None, None] + noise, 0, 255).astype(np.uint8)
    store.objects.put(shard_key(batch_id, 0), array_bytes(pixels))
    rows = pd.DataFrame(
        {
            "image_id": [f"{name}-image-{place}" for place in range(images)],
            "batch_id": batch_id,
            "source": "clinic",
            "revision": 0,
            "key": [f"incoming/clinic/{name}/{place}.png" for place in range(images)],
            "patient_id": [f"{name}-patient-{place}" for place in range(images)],
            "label": [CLASSES[place // 4 % 2] for place in range(images)],
            "split": [SPLITS[place % 4] for place in range(images)],
            "status": "accepted",
            "shard": 0,
            "row": range(images),
            "view": "PA",
            "sex": rng.choice(["F", "M"], images),
            "age": rng.integers(20, 80, images).astype(float),
            "bits": 12,
            "window_path": "window",
            "mean": pixels.mean((1, 2)),
            "std": pixels.std((1, 2)),
        }
    )
    outcome = BatchOutcome(
        batch_id=batch_id,
        source="clinic",
        name=name,
        status=BatchStatus.ACCEPTED,
        read=images,
        accepted=images,
    )
    commit_batch(store.objects, rows, outcome)
    return rows


def put_snapshot(store: Store, rows: pd.DataFrame) -> None:
    """Write these rows as the snapshot."""
    buffer = io.BytesIO()
    rows.reindex(columns=list(COLUMNS)).to_parquet(buffer, index=False)
    store.objects.put(snapshot_key(SNAPSHOT), buffer.getvalue())


def monitor_against(model: Path, patch: pytest.MonkeyPatch) -> None:
    """Let monitoring find this `.keras` file under any run, and measure distances without Evidently."""

    class OneModel:
        """A registry that holds this model."""

        def __init__(self, settings: object) -> None:
            del settings

        def model_file(self, run_id: str) -> AbstractContextManager[Path]:
            del run_id
            return one_model(model)

    def measure(comparison: Comparison) -> Measured:
        return Measured(score_columns(comparison), b"<html>Evidently</html>", b"{}")

    patch.setattr(monitoring, "Registry", OneModel)
    patch.setattr(monitoring, "measure", measure)


def drift(state: DriftState, **more: object) -> DriftOutcome:
    """An outcome of this state."""
    return DriftOutcome(state=state, **({"reasons": ("The images are darker.",), "name": NEW} | more))


def decide(store: Store, action: str, *images: str, **more: str) -> None:
    """Record what a person decided on the new batch."""
    fields = {"who": "ada", "why": "seen"} | more
    record_decision(store.objects, propose(batch_id=NEW, action=action, image_ids=images, **fields))
