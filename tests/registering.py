"""Versions in a model registry, with a few bytes in place of a model, and a registry that holds one model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from xray_model.outcomes import ClassScore, EpochScore, EvaluationOutcome, Interval, TrainingOutcome

MODELS = 6
SURE = Interval(value=0.9, low=0.8, high=0.95)


def register_models(home: Path) -> None:
    """Register versions 1 to `MODELS` in the embedded registry of a home."""
    registry = Registry(Settings(home=home))
    for _ in range(MODELS):
        registry.register(begin_run(registry), evaluation())


def begin_run(registry: Registry) -> str:
    """A run as a training leaves it, at once and with a model in it that nothing can load."""
    client = registry._client()
    run_id: str = client.create_run(registry._experiment(client)).info.run_id
    client.log_text(run_id, "weights", MODEL_FILE)
    return run_id


def evaluation(snapshot_id: str = "s") -> EvaluationOutcome:
    """A challenger's test figures."""
    return EvaluationOutcome(
        model="challenger",
        snapshot_id=snapshot_id,
        split="test",
        classes=(ClassScore(label="normal", precision=SURE, recall=SURE, f1=SURE, images=9, patients=9),),
        confusion=((9,),),
        macro_f1=SURE,
        minority="normal",
        images=9,
        patients=9,
        predictions_key="predictions/k",
    )


def training(run_id: str) -> TrainingOutcome:
    """The training of a run, of one epoch."""
    return TrainingOutcome(
        backbone="basic_cnn",
        weights="random, trained from the start",
        input_side=128,
        rebalancing="none",
        counts_before={"normal": 1},
        counts_after={"normal": 1},
        epochs=(EpochScore(epoch=1, loss=1.0, validation_loss=1.0, validation_minority_f1=0.5),),
        best_epoch=1,
        seed=1,
        seconds=2.0,
        features_computed=9,
        features_reused=0,
        run_id=run_id,
        model_sha256="0" * 64,
    )


def only_model(path: Path) -> type:
    """A class to stand in for `Registry`, which holds this model, whatever run is asked for."""

    class OnlyModel:
        def __init__(self, settings: object) -> None:
            del settings

        @contextmanager
        def model_file(self, run_id: str) -> Iterator[Path]:
            del run_id
            yield path

    return OnlyModel
