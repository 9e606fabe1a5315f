"""Ways of training whose answers and costs are made up, and a whole comparison of them."""

import numpy as np
import pandas as pd

from tests.xray_model.evaluation.evaluations import CLASSES, full_training, probed_table
from xray_model.evaluation.leaderboard import rank_variants
from xray_model.outcomes import CellOutcome, CompareOutcome, EpochScore

FOLDS = 3


def answered(skill: float, seed: int, images: int = 400) -> pd.DataFrame:
    """All folds' test images, always the same, and what a model of this skill says of them; higher is better."""
    table = probed_table(images=images)[["image_id", "patient_id", "label"]]
    table["fold"] = table["patient_id"].map(lambda name: int(name.split()[1]) % FOLDS)
    rng = np.random.default_rng(seed)
    other = rng.choice(CLASSES, images)
    return table.assign(predicted=np.where(rng.random(images) < skill, table["label"], other))


def trained(variant: str, fold: int, *, seconds: float = 60.0, parameters: int = 1000) -> CellOutcome:
    """A training of one fold."""
    return CellOutcome(
        variant=variant,
        fold=fold,
        seed=20,
        training=full_training().model_copy(update={"seconds": seconds}),
        predictions_key=f"comparisons/c/{variant}-{fold}.parquet",
        images={"train": 200, "validation": 60, "test": 130},
        parameters=parameters,
        trained_parameters=100,
        images_per_second=40.0 + fold,
    )


def compared(skills: dict[str, float], *, seeds: int = 1, searched: bool = True, **changes: object) -> CompareOutcome:
    """A comparison of variants of these skills, by name; a search chose some options of the first."""
    tables = {name: [answered(skill, seed) for seed in range(seeds)] for name, skill in skills.items()}
    cells = []
    for place, (name, skill) in enumerate(skills.items()):
        for fold in range(FOLDS):
            for seed in range(20, 20 + seeds):
                cell = trained(name, fold, seconds=40.0 * (1 + 3 * place), parameters=1000 * 900**place)
                epochs = tuple(
                    EpochScore(
                        epoch=epoch,
                        loss=0.1 + (1 + 0.1 * fold) / epoch,
                        validation_loss=0.3 + (1 + 0.2 * fold) / epoch + 0.01 * epoch,
                        validation_minority_f1=skill * (1 - 1 / (epoch + 1 + fold)),
                    )
                    for epoch in range(1, 9 + fold)
                )
                found = {"chosen": {"dropout": 0.3125, "hidden_units": 64}, "trials": 20, "pruned": 7}
                training = cell.training.model_copy(update={"epochs": epochs, "best_epoch": 6})
                more = found if searched and place == 0 else {}
                cells.append(cell.model_copy(update={"training": training, "seed": seed, **more}))
    titles = {name: name.replace("-", " ").title() for name in skills}
    first = next(iter(tables.values()))[0]
    outcome = CompareOutcome(
        comparison_id="pneumonia-0a1b2c3d4e5f",
        recipe="pneumonia",
        title="Normal against pneumonia: four networks",
        study="The notebooks told normal from pneumonia by a basic CNN and three backbones. Here folds are by patient.",
        snapshot_id="5f2c9a71",
        classes=CLASSES,
        minority="covid",
        images=len(first),
        patients=first["patient_id"].nunique(),
        folds=FOLDS,
        seeds=seeds,
        notes=("Only 400 images, drawn by patient.",),
        cells=tuple(cells),
        standings=rank_variants(tables, cells, titles, CLASSES, "covid", draws=300),
    )
    return outcome.model_copy(update=changes)
