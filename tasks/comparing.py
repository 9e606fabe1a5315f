"""Comparing: folds of a snapshot, a cell for each variant, fold and seed, and their leaderboard."""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage import comparisons
from storage.predictions import load_predictions
from storage.registry import Registry
from storage.reports.leaderboard import write_leaderboard
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store
from tasks.cells import Cell
from tasks.skin import stage_task
from tasks.weights import pin_weights
from xray_model.config import CompareOptions, Recipe, RetrainOptions
from xray_model.data.folds import Fold, draw_folds, draw_images, join_twins, keep_proportions
from xray_model.errors import InvalidInput
from xray_model.evaluation.leaderboard import rank_variants
from xray_model.outcomes import CellOutcome, CompareOutcome
from xray_model.recipes import resolve_variants


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
        InvalidInput: of a class there is no image to learn from.
        WeightsError: a variant names a weight file that is not there.
    """
    variants, notes = resolve_variants(recipe, options, hub=find_spec("keras_hub") is not None)
    settings = Settings()
    store = open_store(settings)
    rows = load_snapshot(store.objects, snapshot_id)
    rows = rows[rows["split"] != "test"].reset_index(drop=True)
    if missing := [name for name in recipe.snapshot.classes if name not in set(rows["label"])]:
        raise InvalidInput(f"no image of {' or '.join(missing)} is accepted yet: push some, and ingest")
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


def _name_parts(rows: pd.DataFrame, fold: Fold, recipe: Recipe, options: CompareOptions) -> npt.NDArray[np.object_]:
    """What each row is for in a fold; None where it is out of proportion."""
    labels, image_ids = (rows[name].to_numpy(np.str_) for name in ("label", "image_id"))
    proportions = {str(name): part for name, part in recipe.proportions.items()}
    parts: npt.NDArray[np.object_] = np.full(len(rows), None, dtype=object)
    parts[fold.test] = "test"
    for name, places in (("train", fold.train), ("validation", fold.validation)):
        parts[places[keep_proportions(labels[places], image_ids[places], proportions, options.seed)]] = name
    return parts
