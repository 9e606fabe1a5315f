"""The script in `docs/` comes to the figures of a decision from nothing but its prediction tables."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.xray_model.evaluation.evaluations import CLASSES, evaluate
from xray_model.config import GatePolicy
from xray_model.evaluation.gate import decide
from xray_model.evaluation.probes import run_probes
from xray_model.outcomes import Decision, EvaluationOutcome

ROOT = Path(__file__).resolve().parents[1]
POLICY = GatePolicy(margin=0.02, confidence=0.9, draws=300, seed=7)


def predict(seed: int, skill: float) -> pd.DataFrame:
    """Predictions of 400 images of 250 patients by a model of this skill; the images are the same each time."""
    rng = np.random.default_rng(1)
    labels = rng.choice(3, 400, p=[0.5, 0.2, 0.3])
    patients = [f"p{number:03d}" for number in rng.integers(250, size=400)]
    facts = pd.DataFrame(
        {
            "sex": rng.choice(np.array(["F", "M", "", None], dtype=object), 400),
            "age": rng.choice([5.0, 17.9, 18.0, 55.0, 80.0, np.nan], 400),
            "view": [*["rare"] * 4, *["PA"] * 396],
            "source": rng.choice(["bimcv", "kaggle"], 400),
            "manufacturer": [f"maker {number}" for number in rng.integers(14, size=400)],
        }
    )
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
    ).join(facts)


def list_training() -> pd.DataFrame:
    """A snapshot whose training images have their class in part by source and by age, unlike its test images."""
    rng = np.random.default_rng(5)
    label = rng.integers(3, size=300)
    return pd.DataFrame(
        {
            "split": rng.choice(["train", "test"], 300),
            "label": np.array(CLASSES)[label],
            "source": np.where(rng.random(300) < 0.3 * label, "bimcv", "kaggle"),
            "age": np.where(rng.random(300) < 0.2, np.nan, 25.0 * label + rng.integers(50, size=300)),
        }
    )


def probe(table: pd.DataFrame, key: str) -> EvaluationOutcome:
    """What the pipeline measures of it."""
    outcome = evaluate(table, model=key, predictions_key=key, draws=POLICY.draws, seed=POLICY.seed)
    training = list_training().query("split == 'train'")
    probes = run_probes(table, training, "normal", POLICY.shortcuts, POLICY.subgroup_patients)
    return outcome.model_copy(update={"probes": probes})


def decide_in(folder: Path, skills: dict[str, float]) -> tuple[dict[str, Any], dict[str, EvaluationOutcome], Decision]:
    """What the script finds in a store where models of these skills were judged, and what the pipeline did."""
    tables = {who: predict(seed, skill) for seed, (who, skill) in enumerate(skills.items(), start=2)}
    outcomes = {who: probe(table, f"{who}.parquet") for who, table in tables.items()}
    for who, table in tables.items():
        table.to_parquet(folder / f"{who}.parquet", index=False)
    (folder / "snapshots").mkdir()
    list_training().to_parquet(folder / "snapshots" / "s.parquet", index=False)
    old, classes = outcomes.get("champion"), CLASSES if "champion" in outcomes else None
    decision = decide(
        outcomes["challenger"], tables["challenger"], old, tables.get("champion"), POLICY, champion_classes=classes
    )
    night = folder / "reports" / "nights" / "n" / "night.json"
    night.parent.mkdir(parents=True)
    promotion = {"decision": decision.model_dump(mode="json")}
    told = {who: outcome.model_dump(mode="json") for who, outcome in outcomes.items()}
    night.write_text(json.dumps({"retrain": {"champion": None, "promotion": promotion, **told}}))
    command = [sys.executable, str(ROOT / "docs" / "recompute.py"), str(night)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout), outcomes, decision


def test_every_figure_is_recomputed(tmp_path: Path) -> None:
    """Precision, recall, F1 and its interval, AUC, calibration, the masked score, and how sure the gate was."""
    found, outcomes, decision = decide_in(tmp_path, {"challenger": 2.2, "champion": 1.8})
    for name, outcome in outcomes.items():
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
        assert_subgroups(ours["subgroups"], outcome)
    assert decision.probability_better is not None
    assert 0.5 < decision.probability_better < 1
    assert found["probability_better"] == pytest.approx(decision.probability_better, abs=1e-6)
    assert found["detectable"] == pytest.approx(decision.detectable, abs=1e-6)
    associated = {probe.name: probe.value for probe in outcomes["challenger"].probes if "class-by" in probe.name}
    assert min(found[name] for name in associated) > 0.1
    assert {name: found[name] for name in associated} == pytest.approx(associated, abs=1e-6)


def assert_subgroups(found: dict[str, Any], outcome: EvaluationOutcome) -> None:
    """The same groups of as many images, and of each the same minority F1 and recalls."""
    assert set(found) == {group.name for group in outcome.subgroups}
    assert {"sex=unknown", "age=18-39", "view=other", "source=kaggle", "manufacturer=other"} < set(found)
    for group in outcome.subgroups:
        ours = found[group.name]
        assert ours["weighted avg"]["support"] == group.images
        assert group.minority_f1 is not None
        assert ours["normal"]["f1-score"] == pytest.approx(group.minority_f1.value, abs=1e-6)
        recalls = {label: recall.value for label, recall in group.recalls.items()}
        assert {label: ours[label]["recall"] for label in recalls} == pytest.approx(recalls, abs=1e-6)


def test_first_model_has_a_detectable_difference_too(tmp_path: Path) -> None:
    """Without a champion it is that of a comparison with a model as good."""
    found, _, decision = decide_in(tmp_path, {"challenger": 2.2})
    assert decision.detectable is not None
    assert found["detectable"] == pytest.approx(decision.detectable, abs=1e-6)
    assert "probability_better" not in found
