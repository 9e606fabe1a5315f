"""Which model answers: the ledger says so, and its file is what was recorded or is not used."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from storage.champions import fetch_model, find_champion, find_version
from storage.registry import Registry
from storage.retrainings import save_retraining
from storage.settings import Settings
from storage.store import Store
from tests.registering import training
from tests.storage.entries import START, WAITING, steward, write_ledger
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, RegistryUnavailable
from xray_model.outcomes import RetrainOutcome

SHA256 = hashlib.sha256(b"weights").hexdigest()


@pytest.fixture
def models(store: Store, registry: Registry) -> Registry:
    """A registry whose v2 is in service, v1 was and v3 waits; what their trainings came to is kept."""
    write_ledger(store.objects, *WAITING)
    for version in (1, 2, 3):
        run_id = registry.run_of(version)
        trained = training(run_id).model_copy(update={"model_sha256": SHA256})
        save_retraining(store.objects, run_id, RetrainOutcome(trained=True, reasons=(), training=trained))
    return registry


def test_no_model_is_in_service_before_the_first_promotion(store: Store, registry: Registry) -> None:
    """An empty ledger has no champion, and no version to find."""
    assert find_champion(store.objects, registry) is None
    with pytest.raises(InvalidInput, match="no model v1"):
        find_version(store.objects, registry, 1)


def test_champion_is_the_ledgers(store: Store, models: Registry) -> None:
    """Whatever the alias names, the champion is the ledger's, with the figures that it was judged by."""
    models.move_aliases({"champion": 5})
    found = find_champion(store.objects, models)
    assert found is not None
    assert (found.version, found.run_id, found.model_sha256) == (2, models.run_of(2), SHA256)
    assert (found.snapshot_id, found.classes, found.minority) == ("s1", ("covid", "normal"), "normal")
    assert (found.minority_f1.value, found.test_patients, found.since) == (0.8, 40, START + timedelta(days=1))
    assert find_version(store.objects, models, 2) == found


def test_what_the_ledger_records_of_a_file_goes_first(store: Store, models: Registry) -> None:
    """A decision that names run and hash needs no record of the training; another run under the version is refused."""
    own = WAITING[2].model_copy(update={"number": 3, "challenger_version": 4})
    fields = {"decided": START + timedelta(days=3), "model_sha256": "ab" * 32}
    write_ledger(store.objects, own.model_copy(update={**fields, "run_id": models.run_of(4)}))
    assert find_version(store.objects, models, 4).model_sha256 == "ab" * 32
    other = own.model_copy(update={**fields, "number": 4, "challenger_version": 5, "run_id": "another"})
    write_ledger(store.objects, other)
    with pytest.raises(ConfigurationError, match="not the registry that the ledger was written with"):
        find_version(store.objects, models, 5)


def test_model_whose_file_nobody_recorded_is_refused(store: Store, registry: Registry) -> None:
    """A record of a training that made no model, and none at all, say so."""
    write_ledger(store.objects, *WAITING)
    with pytest.raises(ObjectNotFound):
        find_champion(store.objects, registry)
    save_retraining(store.objects, registry.run_of(2), RetrainOutcome(trained=False, reasons=("nothing new",)))
    with pytest.raises(InvalidInput, match="names no model"):
        find_champion(store.objects, registry)


def test_since_is_the_last_time_that_a_model_came_into_service(store: Store, models: Registry) -> None:
    """A model that was gone back to is there since then; one that never was in service, since it was judged."""
    write_ledger(store.objects, steward(3, "rollback", 1, 2))
    champion = find_champion(store.objects, models)
    assert champion is not None
    assert (champion.version, champion.since) == (1, START + timedelta(days=3))
    assert find_version(store.objects, models, 3).since == START + timedelta(days=2)


def test_fetched_model_is_the_one_recorded(store: Store, models: Registry, tmp_path: Path) -> None:
    """The file arrives whole in place of an older one, and nothing else is left beside it."""
    folder = tmp_path / "serving"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"older")
    fetch_model(models, find_version(store.objects, models, 2), folder / "model.keras")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("model.keras", b"weights")]


def test_another_file_is_not_fetched(store: Store, models: Registry, tmp_path: Path) -> None:
    """A file of another hash, and a run that is gone, leave what was there as it is."""
    folder = tmp_path / "serving"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"older")
    model = find_version(store.objects, models, 2)
    with pytest.raises(InvalidInput, match="it was changed since"):
        fetch_model(models, model.model_copy(update={"model_sha256": "0" * 64}), folder / "model.keras")
    with pytest.raises(ObjectNotFound):
        fetch_model(models, model.model_copy(update={"run_id": "0" * 32}), folder / "model.keras")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("model.keras", b"older")]


@pytest.mark.usefixtures("models")
def test_registry_that_does_not_answer_is_told_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the registry nobody can say that it still has the model."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = Registry(Settings(registry="http://127.0.0.1:9"))
    with pytest.raises(RegistryUnavailable):
        find_champion(store.objects, away)
