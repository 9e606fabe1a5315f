"""A prediction table and an evaluation with every figure filled in, made by hand, and one that is measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from xray_model.evaluation.metrics import evaluate_table
from xray_model.outcomes import (
    Calibration,
    ClassScore,
    EpochScore,
    EvaluationOutcome,
    Interval,
    ProbeResult,
    ReliabilityBin,
    SubgroupScore,
    TrainingOutcome,
)

CLASSES = ("covid", "normal", "pneumonia")


def interval(value: float, width: float = 0.04) -> Interval:
    """A score with an interval of `width` to either side, within 0 and 1."""
    return Interval(value=value, low=max(value - width, 0.0), high=min(value + width, 1.0))


def probed_table(seed: int = 4, images: int = 300) -> pd.DataFrame:
    """Predictions of a model that is mostly right, less so without the lungs, of patients with two images or one."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, images, p=[0.2, 0.45, 0.35])

    def see(skill: float) -> np.ndarray:
        scores = rng.normal(size=(images, 3)) + skill * np.eye(3)[labels]
        shares: np.ndarray = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return shares

    def named(shares: np.ndarray) -> list[str]:
        return [CLASSES[place] for place in shares.argmax(axis=1)]

    probabilities = see(2.4)
    patients = rng.integers(0, 2 * images // 3, images)
    return pd.DataFrame(
        {
            "image_id": [f"{number:064x}"[::-1] for number in range(images)],
            "patient_id": [f"patient {number}" for number in patients],
            "label": [CLASSES[label] for label in labels],
            "source": rng.choice(["bimcv", "kaggle"], images),
            "view": rng.choice(["PA", "AP"], images),
            "sex": np.where(patients % 3 == 0, None, rng.choice(["F", "M"], images)),  # type: ignore[call-overload]
            "age": np.where(patients % 10 == 0, np.nan, 50.0),
            "manufacturer": rng.choice(["GMM", "Siemens"], images),
            **{f"p_{name}": probabilities[:, place].astype(np.float32) for place, name in enumerate(CLASSES)},
            "predicted": named(probabilities),
            "predicted_hidden": named(see(1.2)),
            "predicted_alone": named(see(1.9)),
            "predicted_metadata": named(see(0.5)),
        }
    )


def evaluate(
    table: pd.DataFrame, classes: Sequence[str] = CLASSES, *, minority: str = "normal", draws: int = 300, **others: Any
) -> EvaluationOutcome:
    """All figures of a table, whoever made it."""
    about: dict[str, Any] = {"model": "m", "snapshot_id": "s", "split": "test", "predictions_key": "k", "seed": 1}
    return evaluate_table(table, classes, minority=minority, draws=draws, **about | others)


def full_evaluation(table: pd.DataFrame, model: str = "challenger", shift: float = 0.0) -> EvaluationOutcome:
    """An evaluation of the table with round figures, each lower by `shift`, and its true confusion matrix."""
    confusion = pd.crosstab(table["label"], table["predicted"]).reindex(index=CLASSES, columns=CLASSES, fill_value=0)
    counts = table["label"].value_counts()
    patients = table.groupby("label")["patient_id"].nunique()
    return EvaluationOutcome(
        model=model,
        snapshot_id="5f2c9a71",
        split="test",
        classes=tuple(
            ClassScore(
                label=label,
                precision=interval(0.81 + 0.03 * place - shift),
                recall=interval(0.84 + 0.03 * place - shift, 0.07),
                f1=interval(0.82 + 0.03 * place - shift, 0.05),
                roc_auc=interval(0.91 + 0.02 * place - shift, 0.02),
                average_precision=interval(0.83 + 0.02 * place - shift),
                images=int(counts[label]),
                patients=int(patients[label]),
            )
            for place, label in enumerate(CLASSES)
        ),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion.to_numpy()),
        macro_f1=interval(0.85 - shift),
        weighted_f1=interval(0.86 - shift),
        balanced_accuracy=interval(0.87 - shift),
        calibration=Calibration(
            error=interval(0.06, 0.02),
            bins=tuple(
                ReliabilityBin(
                    low=low,
                    high=low + 0.1,
                    images=images,
                    confidence=low + 0.06,
                    accuracy=interval(low - 0.02, 0.02 + 1 / images),
                )
                for low, images in ((0.4, 9), (0.5, 21), (0.6, 38), (0.7, 52), (0.8, 71), (0.9, 109))
            ),
        ),
        subgroups=(
            subgroup("sex", "F", 0.79, 31),
            subgroup("sex", "M", 0.85, 22),
            subgroup("age", "40-59", 0.83, 24),
            subgroup("age", "60-79", 0.8, 20),
            subgroup("age", "0-17", None, 0),
            subgroup("view", "AP", 0.74, 26),
            subgroup("view", "PA", 0.88, 27),
            subgroup("manufacturer", "Konica Minolta AeroDR with a long name", 0.52, 4),
        ),
        probes=(
            ProbeResult(
                name="lungs-hidden",
                value=0.52,
                bound=0.75,
                passed=True,
                sentence="This model would score .58 with the lungs hidden, .82 with whole images.",
                figures={"hidden": 0.58},
            ),
            ProbeResult(
                name="class-by-source",
                value=0.94,
                bound=0.9,
                passed=False,
                sentence="Class and source go together: Cramer's V is .94 among the training images.",
            ),
            ProbeResult(
                name="left-out-source",
                value=None,
                bound=0.4,
                passed=True,
                sentence="Not measured: no source but one holds every class.",
            ),
        ),
        minority="covid",
        images=len(table),
        patients=table["patient_id"].nunique(),
        predictions_key=f"predictions/{model}/5f2c9a71-test.parquet",
    )


def subgroup(column: str, value: str, f1: float | None, patients: int) -> SubgroupScore:
    """A subgroup of so many patients of the minority class; fewer than 20 are too few."""
    return SubgroupScore(
        column=column,
        value=value,
        images=4 * patients + 12,
        patients=3 * patients + 9,
        minority_patients=patients,
        minority_f1=None if f1 is None else interval(f1, 0.3 if patients < 20 else 0.09),
        recalls={} if f1 is None else {"covid": interval(f1, 0.1)},
        too_small=patients < 20,
    )


def full_training() -> TrainingOutcome:
    """A training of three classes from ImageNet's weights."""
    return TrainingOutcome(
        backbone="mobilenet_v2",
        weights="imagenet, sha256 abab",
        weights_sha256="ab" * 32,
        input_side=128,
        rebalancing="oversample",
        counts_before={"covid": 49, "normal": 130, "pneumonia": 35},
        counts_after={"covid": 130, "normal": 130, "pneumonia": 130},
        temperature=1.31,
        epochs=tuple(
            EpochScore(epoch=n, loss=1 / n, validation_loss=1.2 / n, validation_minority_f1=1 - 1 / n)
            for n in range(1, 8)
        ),
        best_epoch=5,
        seed=20,
        seconds=92.0,
        features_computed=0,
        features_reused=0,
        model_sha256="cd" * 32,
        run_id="3f0e4c1b",
    )
