"""The gate and a planted shortcut: a mark burned into the images of one class, and the same images without it."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from storage.predictions import FACTS, load_predictions
from storage.shards import array_bytes, shard_key
from storage.snapshots import snapshot_key
from storage.store import Store
from tasks import evaluation
from tasks.training import fit_model
from tests.registering import only_model
from xray_model.config import GatePolicy, RetrainOptions, SnapshotOptions, TrainingOptions
from xray_model.data.phantoms import CohortOptions, plan_cohort
from xray_model.outcomes import Decision, EvaluationOutcome

CLASSES = ("covid", "normal")
SPLITS = {"train": 220, "validation": 70, "test": 90}
SNAPSHOT = "0123456789abcdef"
POLICY = GatePolicy(floor=0.6, draws=200, minimum_patients=20)


def draw_chests(side: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Frontal phantoms uint8 [n, side, side], one for each patient, and what is known of them."""
    images = sum(SPLITS.values())
    exams = plan_cohort(
        CohortOptions(
            patients=images,
            shares={"covid": 0.6, "normal": 0.4},
            seed=3,
            further_share=0,
            lateral_share=0,
            smallest_side=200,
            largest_side=200,
        )
    )
    exams = [exams[place] for place in np.random.default_rng(0).permutation(len(exams))]
    pixels = [
        np.asarray(Image.fromarray(np.rint(exam.draw() * 255).astype(np.uint8)).resize((side, side))) for exam in exams
    ]
    rows = pd.DataFrame(
        {
            "image_id": [f"image{place:03d}" for place in range(images)],
            "batch_id": "batch",
            "shard": 0,
            "row": range(images),
            "label": [exam.patient.finding for exam in exams],
            "patient_id": [f"patient{place:03d}" for place in range(images)],
            "split": np.repeat(list(SPLITS), list(SPLITS.values())),
            "source": np.random.default_rng(1).choice(["one", "other"], images),
            "view": "PA",
            "sex": [exam.patient.sex for exam in exams],
            "age": [float(exam.patient.age) for exam in exams],
            "manufacturer": None,
        }
    )
    return np.stack(pixels), rows


def put(store: Store, pixels: np.ndarray, rows: pd.DataFrame) -> None:
    """Write the images and the snapshot."""
    store.objects.put(shard_key("batch", 0), array_bytes(pixels))
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    store.objects.put(snapshot_key(SNAPSHOT), buffer.getvalue())


def judge(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[EvaluationOutcome, Decision]:
    """Train on the images of the store, evaluate with probes, and put it before the gate."""
    options = RetrainOptions(
        snapshot=SnapshotOptions(classes=CLASSES), training=TrainingOptions(input_side=64, epochs=25), gate=POLICY
    )

    monkeypatch.setattr(evaluation, "Registry", only_model(path))
    fit_model(store, SNAPSHOT, "normal", options, "run", path)
    outcome = evaluation.evaluate_model.fn("run", "challenger", SNAPSHOT, "normal", POLICY, probe=True)
    return outcome, evaluation.decide_promotion.fn(outcome, None, None, POLICY)


def test_a_planted_shortcut_is_caught_and_stops_the_promotion(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bright mark in a corner of one class's images is what the model goes by; without the mark it passes."""
    pixels, rows = draw_chests(store.side)
    put(store, pixels, rows)
    honest, passed = judge(store, tmp_path / "honest.keras", monkeypatch)
    marked = pixels.copy()
    marked[(rows["label"] == "covid").to_numpy(), :24, -40:-4] = 255
    store.objects.delete(shard_key("batch", 0))
    put(store, marked, rows)
    cheating, stopped = judge(store, tmp_path / "cheating.keras", monkeypatch)
    assert passed.promote
    assert cheating.minority_f1.value >= honest.minority_f1.value
    assert not stopped.promote
    assert {check.name for check in stopped.checks if not check.holds} == {"lungs-hidden", "lungs-alone"}
    table = load_predictions(store.objects, cheating.predictions_key)
    assert set(FACTS) < set(table.columns)
