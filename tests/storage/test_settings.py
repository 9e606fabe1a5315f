"""Settings and the store's constants: one salt, one split, one size for ever."""

import os
from pathlib import Path

import pytest

from storage.settings import Settings, prepare_environment
from storage.store import open_store
from xray_model.errors import ConfigurationError


def test_embedded_salt_is_made_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without XRAY_SALT the home makes its own secret, keeps it, and lets nobody else read it."""
    monkeypatch.delenv("XRAY_SALT")
    first, second = Settings().salt_bytes(), Settings().salt_bytes()
    assert first == second
    assert len(first) == 64
    assert (home / "salt").stat().st_mode & 0o077 == 0


def test_shared_store_needs_a_salt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store on S3 is shared, so each machine making its own salt would tear patients apart: refused."""
    monkeypatch.delenv("XRAY_SALT")
    monkeypatch.setenv("XRAY_STORE", "s3://bucket/prefix")
    with pytest.raises(ConfigurationError, match="XRAY_SALT is not set"):
        Settings().salt_bytes()


@pytest.mark.parametrize(
    ("name", "value"), [("XRAY_SIDE", "224"), ("XRAY_TEST_SHARE", "0.3"), ("XRAY_SALT", "another salt")]
)
def test_a_begun_store_keeps_its_constants(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Another side, split share or salt than the store was begun with is refused, and the salt is not told."""
    open_store(Settings())
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="begun with other settings") as refusal:
        open_store(Settings())
    assert "another salt" not in str(refusal.value)


def test_telemetry_is_off_unless_the_user_wants_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every library's switch is set, and what the user set stays."""
    for name in ("PREFECT_SERVER_ANALYTICS_ENABLED", "GX_ANALYTICS_ENABLED", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "as the user says")
    prepare_environment(Settings())
    assert os.environ["DO_NOT_TRACK"] == "as the user says"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_embedded_server_sleeps_between_its_writes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect cuts the interval to whole seconds: below one its server would never sleep and take a core for itself."""
    name = "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL"
    monkeypatch.delenv(name, raising=False)
    prepare_environment(Settings())
    assert int(float(os.environ[name])) >= 1


def test_empty_salt_is_no_salt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty XRAY_SALT, as an unset variable in a compose file gives, never means unsalted pseudonyms."""
    monkeypatch.setenv("XRAY_SALT", "")
    assert len(Settings().salt_bytes()) == 64
    monkeypatch.setenv("XRAY_STORE", "s3://bucket/prefix")
    with pytest.raises(ConfigurationError, match="XRAY_SALT is not set"):
        Settings().salt_bytes()


@pytest.mark.parametrize(
    ("registry", "artifacts"),
    [
        ("postgresql://mlflow@db/mlflow", "s3://bucket/prefix/mlflow-artifacts"),
        ("sqlite:////srv/mlflow.db", "s3://bucket/prefix/mlflow-artifacts"),
        ("http://mlflow:5000", None),
    ],
)
def test_models_never_lie_in_the_working_directory(
    home: Path, monkeypatch: pytest.MonkeyPatch, registry: str, artifacts: str | None
) -> None:
    """Of a bare database they lie in the store, where every worker finds them; a server decides for itself."""
    monkeypatch.setenv("XRAY_STORE", "s3://bucket/prefix/")
    monkeypatch.setenv("XRAY_REGISTRY", registry)
    assert Settings().artifacts_url == artifacts
