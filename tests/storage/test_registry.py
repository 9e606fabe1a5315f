"""The registry: MLflow keeps what was trained, and the alias says what is in service."""

from pathlib import Path

import pytest

from storage.registry import Registry
from storage.settings import Settings
from xray_model.errors import ObjectNotFound
from xray_model.outcomes import ClassScore, EpochScore, EvaluationOutcome, Interval, TrainingOutcome

SURE = Interval(value=0.9, low=0.8, high=0.95)


def training(run_id: str) -> TrainingOutcome:
    """A training with one epoch."""
    return TrainingOutcome(
        backbone="basic_cnn",
        weights="random, trained from the start",
        input_side=128,
        rebalancing="class_weight",
        counts_before={"covid": 8, "normal": 1},
        counts_after={"covid": 4, "normal": 4},
        epochs=(EpochScore(epoch=1, loss=1.0, validation_loss=1.0, validation_minority_f1=0.5),),
        best_epoch=1,
        seed=1,
        seconds=2.0,
        features_computed=9,
        features_reused=0,
        run_id=run_id,
        model_sha256="0" * 64,
    )


EVALUATION = EvaluationOutcome(
    model="challenger",
    snapshot_id="s",
    split="test",
    classes=(ClassScore(label="normal", precision=SURE, recall=SURE, f1=SURE, images=9, patients=9),),
    confusion=((9,),),
    macro_f1=SURE,
    minority="normal",
    images=9,
    patients=9,
    predictions_key="predictions/k",
)


def test_model_goes_in_and_comes_out(home: Path, tmp_path: Path) -> None:
    """A recorded model is registered, put in service by its alias, and downloaded with the same bytes."""
    registry = Registry(Settings())
    assert registry.champion_version() is None
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")
    versions = []
    for _ in range(2):
        with registry.training_run("name") as run_id:
            registry.record_training(training(run_id), "s", model, "{}")
        versions.append(registry.register(run_id, EVALUATION))
    registry.move_champion(versions[0])
    assert versions == [1, 2]
    assert registry.champion_version() == 1
    with registry.model_file(registry.run_of(2)) as path:
        assert path.read_bytes() == b"weights"
    assert not path.exists()


def test_failed_training_stays_visible(home: Path) -> None:
    """A training that ends in an error is a failed run without a model."""
    registry = Registry(Settings())
    with pytest.raises(ZeroDivisionError), registry.training_run("name") as run_id:
        raise ZeroDivisionError
    with pytest.raises(ObjectNotFound, match="holds no"), registry.model_file(run_id):
        pass
