"""Cells of a comparison: one training for each variant, fold and seed, done once however often it is killed."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage import comparisons
from storage.predictions import predictions_key, save_predictions
from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from storage.shards import iterate_pixels
from storage.store import Store, open_store_of
from tasks.feature_shards import KERAS
from tasks.features import gather_features
from tasks.material import Material
from tasks.searching import OnEpoch, Searched, search_options
from tasks.skin import stage_task
from tasks.training import fit_material, try_material
from xray_model.config import RetrainOptions, Search, TrainingOptions
from xray_model.outcomes import CellOutcome, EpochScore
from xray_model.progress import silent

if TYPE_CHECKING:
    import keras

LAYOUT = 1
"""Raised whenever a training or what is kept of one comes to mean something else, so that it is done anew."""
SPEED_IMAGES = 64
"""By which images a second are measured: two batches of a network would say no other."""


class Cell(BaseModel):
    """One training of a comparison, with all that makes it."""

    model_config = ConfigDict(frozen=True)

    recipe: str
    variant: str
    snapshot_id: str
    folds_id: str
    fold: int
    minority: str
    options: RetrainOptions
    search: Search | None
    store_url: str

    @property
    def mark(self) -> str:
        """16 hex digits that change with anything that makes the training; a weight file counts by its content."""
        exclude: dict[str, Any] = {"recipe": True, "store_url": True}
        if self.options.training.weights_sha256:
            exclude["options"] = {"training": {"weights"}}
        facts = self.model_dump_json(exclude=exclude)
        return hashlib.sha256(f"{LAYOUT} {facts}".encode()).hexdigest()[:16]


@stage_task("train-cell")
def train_cell(cell: Cell) -> CellOutcome:
    """Train on a fold's training patients, choose the epoch on its validation patients, and answer its test patients.

    What was trained before is not trained again.
    """
    return _train_cell(cell)


def _train_cell(cell: Cell) -> CellOutcome:
    # Apart from the task, which goes to a Dask worker by value with all that it names: no lock can.
    settings = Settings()
    store, registry = open_store_of(settings, cell.store_url), Registry(settings)
    known = comparisons.find_cell(store.objects, cell.mark)
    if known is not None:
        return known
    seed = cell.options.training.seed
    tags = {
        "xray.comparison": cell.recipe,
        "xray.variant": cell.variant,
        "xray.folds": cell.folds_id,
        "xray.fold": str(cell.fold),
        "xray.seed": str(seed),
    }
    name = f"{cell.recipe}: {cell.variant}, fold {cell.fold + 1}, seed {seed}"
    with (
        KERAS,
        silent(),
        TemporaryDirectory(prefix="xray-comparing-") as folder,
        registry.training_run(name, tags) as run_id,
    ):
        found = search_cell(store, cell)
        options = cell.options.model_copy(update={"training": found.options})
        outcome = _fit_and_answer(
            store, cell.model_copy(update={"options": options}), run_id, Path(folder) / MODEL_FILE
        )
        outcome = outcome.model_copy(update={"chosen": found.chosen, "trials": found.trials, "pruned": found.pruned})
        # The model itself is not kept: nobody would serve one of a fold.
        registry.record_training(outcome.training, cell.snapshot_id, None, options.model_dump_json(indent=2))
        registry.record_figures(run_id, {"images_per_second": outcome.images_per_second})
    comparisons.save_cell(store.objects, cell.mark, outcome)
    return outcome


def search_cell(store: Store, cell: Cell) -> Searched:
    """The options of a training: its own, or the best that a search tried on the fold's training and validation images.

    The search tries what it draws, not the options as they are, and is handed no test image: those judge what it chose.
    """
    if cell.search is None:
        return Searched(cell.options.training, {}, 0, 0)
    rows = comparisons.load_fold(store.objects, cell.folds_id, cell.fold)
    seen = {split: rows[split] for split in ("train", "validation")}

    def score(options: TrainingOptions, on_epoch: OnEpoch) -> float:
        tried = cell.options.model_copy(update={"training": options})

        def judge(epoch: EpochScore) -> None:
            on_epoch(epoch.epoch, epoch.validation_minority_f1)

        material = Material(store, seen, f"{cell.folds_id}-{cell.fold}", cell.minority, tried, judge)
        return try_material(store, material).validation_minority_f1

    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    name = f"{cell.recipe}/{cell.variant}/fold-{cell.fold}/{cell.mark}"
    return search_options(name, cell.search, cell.options.training, score, settings.studies_url)


def _fit_and_answer(store: Store, cell: Cell, run_id: str, path: Path) -> CellOutcome:
    rows = comparisons.load_fold(store.objects, cell.folds_id, cell.fold)
    options = cell.options
    material = Material(store, rows, f"{cell.folds_id}-{cell.fold}", cell.minority, options)
    model, training = fit_material(store, material, run_id, path)
    key = predictions_key(run_id, cell.snapshot_id, f"fold-{cell.fold}")
    _answer(store, model, rows["test"], options.snapshot.classes, key)
    return CellOutcome(
        variant=cell.variant,
        fold=cell.fold,
        seed=options.training.seed,
        training=training,
        predictions_key=key,
        images={split: len(own) for split, own in rows.items()},
        parameters=model.count_params(),
        trained_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        images_per_second=_measure_speed(store, model, rows["test"]),
    )


def _answer(store: Store, model: "keras.Model", rows: pd.DataFrame, classes: Sequence[str], key: str) -> None:
    from xray_model.network import inference, network

    frozen, head = network.split(model)
    features = gather_features(store, frozen, rows, "see test images").features
    probabilities = inference.predict_features(head, features)
    save_predictions(store.objects, key, rows, classes, probabilities, network.decision_weights(model))


def _measure_speed(store: Store, model: "keras.Model", rows: pd.DataFrame) -> float:
    """Images a second from pixels to probabilities, of a network that has answered before."""
    from xray_model.network import inference, network

    frozen, head = network.split(model)
    pixels = np.concatenate([images for _, images in iterate_pixels(store.objects, rows.iloc[:SPEED_IMAGES])])
    seconds = 0.0
    for _ in range(2):
        started = time.perf_counter()
        inference.predict_features(head, inference.compute_features(frozen, pixels))
        seconds = time.perf_counter() - started
    return round(len(pixels) / seconds, 1)
