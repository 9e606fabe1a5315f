"""A night on real X-rays: the four public sources, transfer learning, and the same figures again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from apps.push import push_batch
from flows.nightly import nightly
from flows.running import run_flow
from storage.settings import Settings
from xray_model.config import (
    GatePolicy,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.outcomes import BatchStatus, NightOutcome

pytestmark = pytest.mark.real

SALT = "proof"
"""It decides which patients test. Over twelve splits a linear probe on these features has F1 .856, give or take .02."""
KAGGLE, NIH = "kaggle-chest-xray-pneumonia", "nih-chestxray8-subset-muhammedtalo"
SOURCES = (KAGGLE, NIH, "ieee8023-covid-chestxray", "covid-cxnet")


def options(shared_data: Path, *, force: bool = False) -> NightlyOptions:
    """MobileNetV2 with its ImageNet weights on normal against pneumonia."""
    weights = shared_data / "weights" / "mobilenet_v2_1.0_224_no_top.weights.h5"
    return NightlyOptions(
        retrain=RetrainOptions(
            snapshot=SnapshotOptions(classes=("normal", "pneumonia"), sources=(KAGGLE, NIH)),
            training=TrainingOptions(backbone="mobilenet_v2", weights=str(weights)),
            gate=GatePolicy(floor=0.85),
            force=force,
        )
    )


def test_night_on_real_images(
    home: Path, shared_data: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four sources go in whole, minority F1 on test patients is at least .85, and a second training repeats it."""
    monkeypatch.setenv("XRAY_SALT", SALT)
    for source in SOURCES:
        push_batch(shared_data / "xray" / source, source, "first")
    night: NightOutcome = run_flow(nightly, options(shared_data))
    assert {batch.source: batch.status for batch in night.batches} == dict.fromkeys(SOURCES, BatchStatus.ACCEPTED)
    assert night.total("read") == 2201
    assert night.total("quarantined") <= 0.02 * 2201
    first = night.retrain.challenger
    assert first is not None
    assert first.minority == "normal"
    assert first.minority_f1.value >= 0.85

    again: NightOutcome = run_flow(nightly, options(shared_data, force=True))
    assert again.batches == ()
    second = again.retrain.challenger
    assert second is not None
    assert (second.classes, second.confusion) == (first.classes, first.confusion)
    assert again.retrain.training is not None
    assert again.retrain.training.features_computed == 0


def send_half(shared_data: Path, source: str, half: int, folder: Path) -> None:
    """Send a source's images of every second patient, with its tables as they are."""
    images = pd.read_csv(shared_data / "xray" / "manifest.csv")
    patients = sorted(images.loc[images["source"] == source, "patient_id"].unique())
    other = set(images.loc[images["patient_id"].isin(patients[1 - half :: 2]), "path"])

    def leave(directory: str, names: list[str]) -> list[str]:
        place = Path(directory).relative_to(shared_data / "xray")
        return [name for name in names if (place / name).as_posix() in other]

    shutil.copytree(shared_data / "xray" / source, folder / source, ignore=leave)
    push_batch(folder / source, source, f"half-{half}")


@pytest.mark.slow
def test_two_nights_end_with_a_decision_that_anybody_can_recompute(
    home: Path, shared_data: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Half of the patients' images make the first champion, all of them a challenger; its tables tell the rest."""
    monkeypatch.setenv("XRAY_SALT", SALT)
    nights: list[NightOutcome] = []
    for half in (0, 1):
        for source in (KAGGLE, NIH):
            send_half(shared_data, source, half, tmp_path / f"half-{half}")
        nights.append(run_flow(nightly, options(shared_data)))
    first, second = (night.retrain.promotion for night in nights)
    assert first is not None
    assert first.champion_after == 1
    assert second is not None
    decision, outcome = second.decision, nights[1].retrain.challenger
    assert outcome is not None
    assert decision.probability_better is not None
    assert decision.reasons
    path = tmp_path / "home" / "store" / "reports" / "nights" / nights[1].night_id / "night.json"
    assert Settings().store_url.startswith("file:")
    script = Path(__file__).resolve().parents[2] / "docs" / "recompute.py"
    done = subprocess.run([sys.executable, script, path], check=True, capture_output=True)
    found = json.loads(done.stdout)
    assert found["probability_better"] == pytest.approx(decision.probability_better, abs=1e-6)
    for name, told in (("challenger", outcome), ("champion", nights[1].retrain.champion)):
        assert told is not None
        for score in told.classes:
            assert found[name]["classes"][score.label]["f1-score"] == pytest.approx(score.f1.value, abs=1e-6)
        assert found[name]["f1_interval"] == pytest.approx([told.minority_f1.low, told.minority_f1.high], abs=1e-6)
    figures = {probe.name: probe.figures for probe in outcome.probes}
    hidden = found["challenger"]["minority_f1"]["predicted_hidden"]
    assert figures["lungs-hidden"]["f1_hidden"] == pytest.approx(hidden, abs=1e-6)
    print(*(check.sentence for check in decision.checks), sep="\n")
