"""Comparing: folds of a snapshot, one training for each cell of variant, fold and seed, and their leaderboard."""

import hashlib
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage import comparisons
from storage.predictions import load_predictions, predictions_key, save_predictions
from storage.registry import MODEL_FILE, Registry
from storage.reports.leaderboard import write_leaderboard
from storage.settings import Settings
from storage.shards import iterate_pixels
from storage.snapshots import load_snapshot
from storage.store import Store, open_store, open_store_of
from tasks.feature_shards import KERAS
from tasks.features import gather_features
from tasks.material import Material
from tasks.searching import OnEpoch, Searched, search_options
from tasks.skin import stage_task
from tasks.training import fit_material, try_material
from tasks.weights import pin_weights
from xray_model.config import CompareOptions, Recipe, RetrainOptions, Search, TrainingOptions
from xray_model.data.folds import Fold, draw_folds, draw_images, join_twins, keep_proportions
from xray_model.errors import InvalidInput
from xray_model.evaluation.leaderboard import rank_variants
from xray_model.outcomes import CellOutcome, CompareOutcome, EpochScore
from xray_model.progress import silent
from xray_model.recipes import resolve_variants

if TYPE_CHECKING:
    import keras

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
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


class Plan(BaseModel):
    """What a comparison trains, and on what."""

    model_config = ConfigDict(frozen=True)

    recipe: Recipe
    snapshot_id: str
    minority: str
    titles: dict[str, str]
    images: int
    patients: int
    folds: int
    seeds: int
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]

    @property
    def comparison_id(self) -> str:
        """By the recipe's name and all trainings."""
        digest = hashlib.sha256("\n".join(cell.mark for cell in self.cells).encode()).hexdigest()
        return f"{self.recipe.name}-{digest[:12]}"


@stage_task("plan-comparison")
def plan_comparison(recipe: Recipe, options: CompareOptions, snapshot_id: str) -> Plan:
    """Share the training and validation patients of a snapshot out to folds; its test patients stay the gate's.

    Raises:
        ConfigurationError: nothing of the recipe can be trained here, or a finding has too few patients.
        InvalidInput: there is no image to learn from.
        WeightsError: a variant names a weight file that is not there.
    """
    variants, notes = resolve_variants(recipe, options, hub=find_spec("keras_hub") is not None)
    settings = Settings()
    store = open_store(settings)
    rows = load_snapshot(store.objects, snapshot_id)
    rows = rows[rows["split"] != "test"].reset_index(drop=True)
    if rows.empty:
        raise InvalidInput(f"no image of {' or '.join(recipe.snapshot.classes)} is accepted yet: push some, and ingest")
    patients = join_twins(rows)
    if options.images is not None:
        drawn = draw_images(patients, options.images, options.seed)
        if len(drawn) < len(rows):
            notes.append(f"Of {len(rows):,} images {len(drawn):,} were drawn, by patient.")
        rows, patients = rows.iloc[drawn].reset_index(drop=True), patients[drawn]
    folds = draw_folds(patients, rows["label"].to_numpy(np.str_), options.folds, options.seed)
    parts = {
        comparisons.part_column(place): _name_parts(rows, fold, recipe, options) for place, fold in enumerate(folds)
    }
    folds_id = comparisons.save_folds(store.objects, rows.assign(**parts))
    counts = rows["label"].value_counts()
    minority = recipe.minority or min(sorted(recipe.snapshot.classes), key=lambda name: counts.get(name, 0))
    pinned = {variant.name: pin_weights(store.objects, variant.training) for variant in variants}
    cells = [
        Cell(
            recipe=recipe.name,
            variant=variant.name,
            snapshot_id=snapshot_id,
            folds_id=folds_id,
            fold=fold,
            minority=minority,
            options=RetrainOptions(
                snapshot=recipe.snapshot, training=pinned[variant.name].model_copy(update={"seed": seed})
            ),
            search=variant.search,
            store_url=settings.store_url,
        )
        for variant in variants
        for fold in range(options.folds)
        for seed in range(options.seed, options.seed + options.seeds)
    ]
    Registry(settings).prepare()
    return Plan(
        recipe=recipe,
        snapshot_id=snapshot_id,
        minority=minority,
        titles={variant.name: variant.title for variant in variants},
        images=len(rows),
        patients=rows["patient_id"].nunique(),
        folds=options.folds,
        seeds=options.seeds,
        cells=tuple(cells),
        notes=tuple(notes),
    )


@stage_task("train-cell")
def train_cell(cell: Cell) -> CellOutcome:
    """Train on a fold's training patients, choose the epoch on its validation patients, and answer its test patients.

    What was trained before is not trained again.
    """
    return _train_cell(cell)


@stage_task("rank-variants")
def rank(plan: Plan, cells: Sequence[CellOutcome]) -> CompareOutcome:
    """Put the variants in their order by what they answered, write the page, and keep it all."""
    objects = open_store(Settings()).objects
    classes = plan.recipe.snapshot.classes
    tables: dict[str, list[pd.DataFrame]] = {}
    for variant in plan.titles:
        own = [cell for cell in cells if cell.variant == variant]
        tables[variant] = [
            pd.concat(
                [
                    load_predictions(objects, cell.predictions_key).assign(fold=cell.fold)
                    for cell in own
                    if cell.seed == seed
                ]
            )
            for seed in sorted({cell.seed for cell in own})
        ]
    outcome = CompareOutcome(
        comparison_id=plan.comparison_id,
        recipe=plan.recipe.name,
        title=plan.recipe.title,
        study=plan.recipe.study.strip(),
        snapshot_id=plan.snapshot_id,
        classes=classes,
        minority=plan.minority,
        images=plan.images,
        patients=plan.patients,
        folds=plan.folds,
        seeds=plan.seeds,
        notes=plan.notes,
        cells=tuple(cells),
        standings=rank_variants(tables, cells, plan.titles, classes, plan.minority),
    )
    outcome = write_leaderboard(objects, outcome)
    comparisons.save_comparison(objects, outcome)
    return outcome


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
    """The options of a training: its own, or what a search finds better on the fold's training and validation images.

    The search is handed no test image: those judge what it chose.
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


def _name_parts(rows: pd.DataFrame, fold: Fold, recipe: Recipe, options: CompareOptions) -> npt.NDArray[np.object_]:
    """What each row is for in a fold; None where it is out of proportion."""
    labels, image_ids = (rows[name].to_numpy(np.str_) for name in ("label", "image_id"))
    proportions = {str(name): part for name, part in recipe.proportions.items()}
    parts: npt.NDArray[np.object_] = np.full(len(rows), None, dtype=object)
    parts[fold.test] = "test"
    for name, places in (("train", fold.train), ("validation", fold.validation)):
        parts[places[keep_proportions(labels[places], image_ids[places], proportions, options.seed)]] = name
    return parts
