"""Fixtures for all rooms: a home of one's own, a store in it, real servers, and the real X-rays where they are."""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from storage.registry import Registry
from storage.settings import Settings, prepare_environment
from storage.store import Store, open_store
from tests.registering import register_models
from tests.servers.swift_server import swift_server

# CI judges a submission, so it tries the same cases each time; elsewhere every run tries new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
if "CI" in os.environ:
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parents[1]
SALT = "a salt for tests"
BUCKET = "xray-tests"


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
def registry_of_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with a few registered versions; making one takes seconds."""
    folder = tmp_path_factory.mktemp("registry")
    register_models(folder)
    return folder / "mlflow.db"


@pytest.fixture
def registry(home: Path, registry_of_models: Path) -> Registry:
    """A registry with `MODELS` versions and no alias yet."""
    home.mkdir(exist_ok=True)
    shutil.copy(registry_of_models, home)
    return Registry(Settings())


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


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3 server with one bucket, as settings for boto3; its logs are under the session's temporary folder."""
    import boto3

    with swift_server(tmp_path_factory.mktemp("swift")) as settings, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        boto3.session.Session().client("s3").create_bucket(Bucket=BUCKET)
        patch.undo()
        yield settings


@pytest.fixture(scope="module")
def s3_settings(swift: dict[str, str]) -> Iterator[dict[str, str]]:
    """The server's settings, in force for this module and no longer, whatever the user's own are."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**swift, "AWS_CONFIG_FILE": os.devnull}.items():
            patch.setenv(name, value)
        yield swift


@pytest.fixture(scope="module")
def new_bucket_url(s3_settings: dict[str, str], request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes the URL of a store on the server that nothing has been written to."""
    numbers = count()
    return lambda: f"s3://{BUCKET}/{request.module.__name__}/{next(numbers)}"
