"""The ways of others that `bench/training.py` measures ours against: the seeds' and a plain Keras loop."""

import math
import time
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from bench.training_images import CLASSES, FIRST, MINORITY, SEED, VALIDATION_EVERY, Chosen, picture_path
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store

if TYPE_CHECKING:
    import keras

Way = Literal["seed", "plain"]
EPOCHS, RATE, DROPOUT = 10, 1e-3, 0.5
BATCH: dict[Way, int] = {"seed": 4, "plain": 32}


def spent_since(clock: float, processor: float, times: float = 1.0) -> dict[str, float]:
    """Seconds by the clock, and of processor time, which hardly depends on what else is running."""
    return {
        "seconds": times * (time.perf_counter() - clock),
        "processor": times * (time.process_time() - processor),
    }


def measure_way(chosen: Chosen, way: Way) -> dict[str, float]:
    """Seconds of 10 epochs in one of the others' ways, and with `--full` their validation minority F1."""
    import keras

    keras.utils.set_random_seed(SEED)
    model = build_plain(chosen)
    store = open_store(Settings())
    splits = {}
    for split, share in (("train", 1 - 1 / VALIDATION_EVERY), ("validation", 1 / VALIDATION_EVERY)):
        rows = load_snapshot(store.objects, FIRST, split)
        splits[split] = rows if chosen.full else rows[: round(chosen.measured * share)]
    batches = {split: read_batches(chosen, rows, way) for split, rows in splits.items()}

    def fit(epochs: int, steps: int | None = None) -> None:
        model.fit(
            batches["train"],
            validation_data=batches["validation"],
            epochs=epochs,
            steps_per_epoch=steps,
            validation_steps=steps,
            verbose=0,
        )

    fit(1, steps=1)
    started = time.perf_counter(), time.process_time()
    fit(EPOCHS if chosen.full else 1)
    spent = spent_since(*started, times=1 if chosen.full else EPOCHS * chosen.images / sum(map(len, splits.values())))
    if not chosen.full:
        return spent
    return {
        **spent,
        "f1": minority_f1(model.predict(batches["validation"], verbose=0), splits["validation"]),
    }


def build_plain(chosen: Chosen) -> "keras.Model":
    """The frozen backbone in float32 and a classifier, compiled."""
    from xray_model.network import network
    from xray_model.network.backbones import Weights, build_parts, find_backbone

    backbone = find_backbone(chosen.backbone)
    frozen = build_parts(backbone, chosen.side, chosen.side, Weights(chosen.weights), None).frozen
    model = network.join(frozen, network.build_head(backbone, frozen.output_shape[1:], CLASSES, DROPOUT))
    return compile_plain(model)


def compile_plain(model: "keras.Model") -> "keras.Model":
    """With what notebooks train with."""
    import keras

    model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy")
    return model


def read_batches(chosen: Chosen, rows: pd.DataFrame, way: Way) -> "keras.utils.PyDataset":
    """Batches of pixels and class numbers, from files in each epoch or decoded once, as the way has it."""
    import keras

    def decode(image_id: str) -> npt.NDArray[np.uint8]:
        with Image.open(picture_path(chosen.folder, image_id)) as image:
            return np.asarray(image.convert("L").resize((chosen.side, chosen.side)))[..., None]

    names, targets, size = rows["image_id"].tolist(), class_numbers(rows), BATCH[way]
    decoded = np.stack([decode(name) for name in names]) if way == "plain" else None

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
        def __len__(self) -> int:
            return math.ceil(len(names) / size)

        def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
            span = slice(index * size, (index + 1) * size)
            pixels = np.stack([decode(name) for name in names[span]]) if decoded is None else decoded[span]
            return pixels, targets[span]

    return Batches()


def class_numbers(rows: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Int [n]."""
    return rows["label"].map({name: place for place, name in enumerate(CLASSES)}).to_numpy().astype(np.intp)


def minority_f1(probabilities: npt.NDArray[np.float32], rows: pd.DataFrame) -> float:
    """Of the likeliest classes."""
    from sklearn.metrics import f1_score

    place = CLASSES.index(MINORITY)
    return float(f1_score(class_numbers(rows) == place, probabilities.argmax(axis=1) == place, zero_division=0))
