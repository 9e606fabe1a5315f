"""A night on real X-rays: the four public sources, transfer learning, and the same figures again."""

from pathlib import Path

import pytest

from apps.push import push_batch
from flows.nightly import nightly
from flows.running import run_flow
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
