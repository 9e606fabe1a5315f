"""What `bench/training.py` measures on: its options, and its images as JPEGs and as shards and snapshots."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from storage.settings import Settings
from storage.shards import array_bytes, shard_key
from storage.snapshots import snapshot_key
from storage.store import open_store
from xray_model.config import BackboneName, Precision, TrainingOptions
from xray_model.data.phantoms import CohortOptions, plan_cohort

CLASSES = ("covid", "normal")
MINORITY, EVERY = "normal", 4
"""Every so many images are of the minority class."""
VALIDATION_EVERY = 5
DRAWN, SHARD, NEW_SHARE = 36, 512, 0.05
SEED = 20
FIRST, SECOND = "first-night", "second-night"
"""Names of their batches and snapshots."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is measured, and where its files lie."""

    folder: Path
    images: int
    measured: int
    backbone: BackboneName
    side: int
    weights: str
    precision: Precision | None
    full: bool

    @property
    def training(self) -> TrainingOptions:
        """Our options, those of a night unless they say which network."""
        return TrainingOptions(
            backbone=self.backbone, input_side=self.side, weights=self.weights, precision=self.precision
        )


def draw_store(folder: Path, images: int) -> dict[str, float]:
    """Write every image as a JPEG for their ways and into shards for ours, and the snapshots of both nights.

    A few chests are drawn, the others are two of a class and a split mixed under a random shading.
    """
    drawn = draw_chests()
    store = open_store(Settings())
    total = images + round(NEW_SHARE * images)
    rows = pd.DataFrame({"image_id": [f"{number:06d}" for number in range(total)]})
    numbers = np.arange(total)
    rows["label"] = np.where(numbers % EVERY, *CLASSES)
    rows["split"] = np.where(numbers // EVERY % VALIDATION_EVERY, "train", "validation")
    rows["patient_id"] = rows["image_id"]
    new = numbers >= images
    rows["batch_id"] = np.where(new, SECOND, FIRST)
    own = np.where(new, numbers - images, numbers)
    rows["shard"], rows["row"] = own // SHARD, own % SHARD
    (folder / "images").mkdir()

    def write(number: int, label: str, split: str) -> npt.NDArray[np.uint8]:
        rng = np.random.default_rng([7, number])
        one, other = rng.choice(len(drawn[label, split]), 2, replace=False)
        mixed = 0.6 * drawn[label, split][one] + 0.4 * drawn[label, split][other]
        shading = Image.fromarray(rng.normal(0, 1, (7, 7)).astype(np.float32)).resize((512, 512))
        picture = Image.fromarray(np.clip(mixed * (1 + 0.1 * np.asarray(shading)), 0, 255).astype(np.uint8))
        picture.save(picture_path(folder, f"{number:06d}"), quality=92)
        return np.asarray(picture.resize((store.side, store.side)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (batch_id, shard), part in rows.groupby(["batch_id", "shard"]):
            pixels = np.stack(list(pool.map(write, part.index, part["label"], part["split"])))
            store.objects.put(shard_key(str(batch_id), int(str(shard))), array_bytes(pixels))
    for night, seen in ((FIRST, rows[~new]), (SECOND, rows)):
        buffer = io.BytesIO()
        seen.to_parquet(buffer, index=False)
        store.objects.put(snapshot_key(night), buffer.getvalue())
    return {"images": total}


def draw_chests() -> dict[tuple[str, str], list[npt.NDArray[np.uint8]]]:
    """Chests of 512 x 512 by class and split."""
    drawn: dict[tuple[str, str], list[npt.NDArray[np.uint8]]] = {}
    options = CohortOptions(
        patients=DRAWN, shares=dict.fromkeys(CLASSES, 1.0), lateral_share=0, further_share=0, seed=11
    )
    for place, exam in enumerate(plan_cohort(options)):
        picture = Image.fromarray(np.rint(exam.draw() * 255).astype(np.uint8)).resize((512, 512))
        key = (exam.patient.finding, "train" if place < 2 * DRAWN // 3 else "validation")
        drawn.setdefault(key, []).append(np.asarray(picture))
    return drawn


def picture_path(folder: Path, image_id: str) -> Path:
    """The file of an image."""
    return folder / "images" / f"{image_id}.jpeg"
