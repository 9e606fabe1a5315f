"""Fixtures for all rooms: a home of one's own, a store in it, and the real X-rays where they are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from storage.settings import Settings, prepare_environment
from storage.store import Store, open_store

# CI judges a submission, so it tries the same cases each time; elsewhere every run tries new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
if "CI" in os.environ:
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parents[1]
SALT = "a salt for tests"


def pytest_configure() -> None:
    """Switch telemetry off before any library is imported."""
    os.environ.setdefault("PREFECT_HOME", str(ROOT / ".pytest_cache" / "prefect"))
    prepare_environment(Settings())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh XRAY_HOME with a known salt, and no other XRAY_ setting."""
    for name in [name for name in os.environ if name.startswith("XRAY_") and name != "XRAY_SHARED_DATA"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XRAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XRAY_SALT", SALT)
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    """An empty store in the home."""
    return open_store(Settings())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real X-rays and weights; the test is skipped where there is none."""
    folder = Path(os.environ.get("XRAY_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "xray" / "manifest.csv").is_file():
        pytest.skip(f"no real X-rays: {folder.name}/xray/manifest.csv is missing (set XRAY_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One Prefect server for all flows of the session."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield
