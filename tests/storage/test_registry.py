"""The registry: MLflow keeps what was trained, and the alias says what is in service."""

import contextlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from storage import code_version, system_metrics
from storage.registry import Registry
from storage.settings import Settings
from tests.registering import begin_run, evaluation, training
from tests.storage.repositories import commit_code
from xray_model.errors import ObjectNotFound, RegistryUnavailable
from xray_model.outcomes import EpochScore, TrainingOutcome


def trained(run_id: str) -> TrainingOutcome:
    """A training with an epoch of either stage, on weights from a file."""
    changes = {
        "weights": "file x.weights.h5, sha256 1111111111111111",
        "weights_sha256": "1" * 64,
        "epochs": (
            EpochScore(stage="head", epoch=1, loss=1.0, validation_loss=1.5, validation_minority_f1=0.5),
            EpochScore(stage="fine-tune", epoch=2, loss=0.5, validation_loss=1.0, validation_minority_f1=0.75),
        ),
        "best_epoch": 2,
    }
    return training(run_id).model_copy(update=changes)


def client() -> MlflowClient:
    """MLflow's own client of the embedded registry."""
    return MlflowClient(Settings().registry_url)


def run_of_code(root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of the code below a folder."""
    monkeypatch.setattr(code_version, "ROOT", root)
    with Registry(Settings()).training_run("name") as run_id:
        pass
    return client().get_run(run_id)


def monitors() -> list[threading.Thread]:
    """The threads that take system metrics now."""
    return [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]


def test_model_goes_in_and_comes_out(home: Path, tmp_path: Path) -> None:
    """A recorded model is registered, put in service by its alias, and downloaded with the same bytes."""
    registry = Registry(Settings())
    assert registry.aliases() == {}
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")
    versions = []
    for _ in range(2):
        with registry.training_run("name") as run_id:
            registry.record_training(trained(run_id), "s", model, "{}")
        versions.append(registry.register(run_id, evaluation()))
    assert versions == [1, 2]
    assert registry.register(run_id, evaluation()) == 2
    registry.move_aliases({"challenger": 2, "previous": None, "champion": 1})
    assert registry.aliases() == {"challenger": 2, "champion": 1}
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


def test_two_first_registrations_at_once(home: Path) -> None:
    """Of two that both find no registered model one makes it, and each gets its version."""
    registry = Registry(Settings())
    runs = [begin_run(registry) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(lambda run_id: registry.register(run_id, evaluation()), runs))
    assert sorted(versions) == [1, 2]


def test_the_registered_model_is_made_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That another made it after one looked is no failure."""
    registry = Registry(Settings())
    registry.register(begin_run(registry), evaluation())
    monkeypatch.setattr(MlflowClient, "search_registered_models", lambda *_, **__: [])
    assert registry.register(begin_run(registry), evaluation()) == 2


def test_every_question_to_a_registry_that_is_away_can_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a finished training still needs of MLflow fails as the tasks retry it."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = Registry(Settings(registry="http://127.0.0.1:9"))
    with pytest.raises(RegistryUnavailable):
        away.register("r", evaluation())
    with pytest.raises(RegistryUnavailable):
        away.record_card("r", "text", {})
    with pytest.raises(RegistryUnavailable), away.model_file("r"):
        pass


def test_run_holds_what_made_the_model(home: Path, tmp_path: Path) -> None:
    """Weights hash, snapshot, curves with their stage, the figure and the options of a training are in its run."""
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")
    registry = Registry(Settings())
    with registry.training_run("name") as run_id:
        registry.record_training(trained(run_id), "snapshot", model, '{"force": true}')
    run = client().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["weights_sha256"] == "1" * 64
    assert run.data.params["snapshot_id"] == "snapshot"
    curves = {
        name: [(point.step, point.value) for point in client().get_metric_history(run_id, name)]
        for name in ("loss", "validation_loss", "validation_minority_f1", "stage")
    }
    assert curves == {
        "loss": [(1, 1.0), (2, 0.5)],
        "validation_loss": [(1, 1.5), (2, 1.0)],
        "validation_minority_f1": [(1, 0.5), (2, 0.75)],
        "stage": [(1, 1), (2, 2)],
    }
    files = {item.path for item in client().list_artifacts(run_id)}
    assert files == {"curves.svg", "model.keras", "options.json"}
    drawn = Path(client().download_artifacts(run_id, "curves.svg", str(tmp_path))).read_text()
    assert len(re.findall(r'<circle class="(mine|theirs)"', drawn)) == 2 * 3


def test_random_weights_have_no_hash(home: Path, tmp_path: Path) -> None:
    """Where no file was loaded there is no hash to look for."""
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")
    registry = Registry(Settings())
    with registry.training_run("name") as run_id:
        outcome = trained(run_id).model_copy(update={"weights_sha256": None})
        registry.record_training(outcome, "snapshot", model, "{}")
    assert "weights_sha256" not in client().get_run(run_id).data.params


def test_runs_of_different_sources_have_different_versions(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte in one source file is another code version, and the same files are the same."""
    source = tmp_path / "code" / "tasks" / "training.py"
    source.parent.mkdir(parents=True)
    versions = []
    for text in ("rate = 1", "rate = 2", "rate = 1"):
        source.write_text(text)
        versions.append(run_of_code(tmp_path / "code", monkeypatch).data.params["code_version"])
    assert versions[0] != versions[1]
    assert versions[0] == versions[2]


def test_commit_and_changes_stand_in_the_run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a repository the run has MLflow's own tag of the commit, and says whether a source differs from it."""
    root = tmp_path / "code"
    commit = commit_code(root)
    run = run_of_code(root, monkeypatch)
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert run.data.tags["mlflow.source.git.dirty"] == "false"
    assert run.data.params["code_version"].endswith(f"git {commit}")
    (root / "tasks" / "training.py").write_text("rate = 2")
    run = run_of_code(root, monkeypatch)
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert run.data.tags["mlflow.source.git.dirty"] == "true"
    assert f"git {commit} with changes, sources sha256 " in run.data.params["code_version"]


@pytest.mark.parametrize("fails", [False, True])
def test_short_run_has_system_metrics_and_ends_their_thread(
    home: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """While a model is trained the machine is watched, and no longer, also where the training ends in an error."""
    monkeypatch.setattr(system_metrics, "_SECONDS", 60.0)
    before = monitors()
    started = time.monotonic()
    with contextlib.suppress(ZeroDivisionError), Registry(Settings()).training_run("name") as run_id:
        assert len(monitors()) == len(before) + 1
        if fails:
            raise ZeroDivisionError
    assert monitors() == before
    assert time.monotonic() - started < system_metrics._SECONDS
    run = client().get_run(run_id)
    assert run.info.status == ("FAILED" if fails else "FINISHED")
    if not fails:
        assert 0 <= run.data.metrics["system/cpu_utilization_percentage"] <= 100
        assert run.data.metrics["system/system_memory_usage_megabytes"] > 0
