"""The script in `docs/` comes to the figures of a decision from nothing but its prediction tables."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xray_model.config import GatePolicy
from xray_model.evaluation.gate import decide
from xray_model.evaluation.metrics import evaluate_table
from xray_model.outcomes import Decision, EvaluationOutcome

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("covid", "normal", "pneumonia")
POLICY = GatePolicy(margin=0.02, draws=300, seed=7)


def predict(seed: int, skill: float) -> pd.DataFrame:
    """Predictions of 400 images of 250 patients by a model of this skill; the images are the same each time."""
    rng = np.random.default_rng(1)
    labels = rng.choice(3, 400, p=[0.5, 0.2, 0.3])
    patients = [f"p{number:03d}" for number in rng.integers(250, size=400)]
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(400, 3)) + skill * np.eye(3)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = pd.DataFrame(probabilities.astype(np.float32), columns=[f"p_{name}" for name in CLASSES])
    names = np.array(CLASSES)
    return table.assign(
        image_id=[f"i{place:03d}" for place in range(400)],
        patient_id=patients,
        label=names[labels],
        predicted=names[probabilities.argmax(axis=1)],
        predicted_hidden=names[rng.integers(3, size=400)],
    )


def evaluate(table: pd.DataFrame, key: str) -> EvaluationOutcome:
    """What the pipeline measures of it."""
    return evaluate_table(
        table,
        CLASSES,
        model=key,
        snapshot_id="s",
        split="test",
        minority="normal",
        predictions_key=key,
        draws=POLICY.draws,
        seed=POLICY.seed,
    )


@pytest.fixture
def decided(tmp_path: Path) -> tuple[Path, EvaluationOutcome, EvaluationOutcome, Decision]:
    """A store's folder with two prediction tables and the night that decided by them."""
    tables = {"challenger.parquet": predict(2, 2.2), "champion.parquet": predict(3, 1.8)}
    outcomes = [evaluate(table, key) for key, table in tables.items()]
    for key, table in tables.items():
        table.to_parquet(tmp_path / key, index=False)
    decision = decide(
        outcomes[0], tables["challenger.parquet"], outcomes[1], tables["champion.parquet"], POLICY, CLASSES
    )
    night = tmp_path / "reports" / "nights" / "n" / "night.json"
    night.parent.mkdir(parents=True)
    names = ("challenger", "champion")
    told = {name: one.model_dump(mode="json") for name, one in zip(names, outcomes, strict=True)}
    told["promotion"] = {"decision": decision.model_dump(mode="json")}
    night.write_text(json.dumps({"retrain": told}))
    return night, outcomes[0], outcomes[1], decision


def test_every_figure_is_recomputed(
    decided: tuple[Path, EvaluationOutcome, EvaluationOutcome, Decision],
) -> None:
    """Precision, recall, F1 and its interval, AUC, calibration, the masked score, and how sure the gate was."""
    night, challenger, champion, decision = decided
    done = subprocess.run([sys.executable, ROOT / "docs" / "recompute.py", night], check=True, capture_output=True)
    found = json.loads(done.stdout)
    for name, outcome in (("challenger", challenger), ("champion", champion)):
        ours = found[name]
        for score in outcome.classes:
            report = ours["classes"][score.label]
            measured = (score.precision.value, score.recall.value, score.f1.value)
            assert (report["precision"], report["recall"], report["f1-score"]) == pytest.approx(measured, abs=1e-6)
            assert score.roc_auc is not None
            assert ours["roc_auc"][score.label] == pytest.approx(score.roc_auc.value, abs=1e-6)
        assert ours["f1_interval"] == pytest.approx([outcome.minority_f1.low, outcome.minority_f1.high], abs=1e-6)
        assert outcome.calibration is not None
        assert ours["calibration_error"] == pytest.approx(outcome.calibration.error.value, abs=1e-6)
        assert 0 < ours["minority_f1"]["predicted_hidden"] < ours["minority_f1"]["predicted"]
    assert decision.probability_better is not None
    assert 0.5 < decision.probability_better < 1
    assert found["probability_better"] == pytest.approx(decision.probability_better, abs=1e-6)
