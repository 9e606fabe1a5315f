"""In service: the deployments of prefect.yaml on a real server and worker."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from storage.settings import Settings
from storage.store import open_store
from tests.servers.prefect_service import ROOT, PrefectService, prefect_service, wait_for

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectService]:
    """A server and a worker on the pool `cpu`, with the deployments of prefect.yaml; nobody works on the pool `gpu`."""
    with prefect_service(tmp_path_factory.mktemp("service")) as service:
        for pool in ("cpu", "gpu"):
            service.command("work-pool", "create", pool, "--type", "process")
        service.command("--no-prompt", "deploy", "--all")
        service.start_worker("cpu")
        yield service


def test_the_deployments_are_there(service: PrefectService) -> None:
    """`prefect deploy --all` leaves the deployments of prefect.yaml, and listing pools works."""
    names = {deployment["name"] for deployment in service.query("/deployments/filter", {})}
    assert names == {"compare", "ingest", "monitor", "nightly", "retrain", "score"}
    assert "cpu" in service.command("work-pool", "ls")


def test_cron_makes_runs(service: PrefectService) -> None:
    """The scheduler makes runs of the nightly cron: with a wrong SQLAlchemy it silently makes none."""
    filters = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "flows": {"name": {"any_": ["nightly"]}}}
    runs = wait_for("a scheduled night", lambda: service.query("/flow_runs/filter", filters))
    assert all(run["auto_scheduled"] for run in runs)


def test_deployment_run_does_a_night(service: PrefectService, monkeypatch: pytest.MonkeyPatch) -> None:
    """`prefect deployment run nightly/nightly` runs the same night on the worker, and leaves its report."""
    service.command("deployment", "run", "nightly/nightly", "--watch", timeout=400)
    for name in ("XRAY_HOME", "XRAY_SALT"):
        monkeypatch.setenv(name, service.environment[name])
    objects = open_store(Settings()).objects
    assert objects.exists("reports/index.html")
    states = {
        run["state"]["name"]
        for run in service.query("/flow_runs/filter", {"flows": {"name": {"any_": ["nightly"]}}})
        if run["state"]["type"] == "COMPLETED"
    }
    assert states == {"NothingNew"}


def test_release_starts_a_training(service: PrefectService) -> None:
    """The event of a steward's release makes Prefect run the deployment `retrain`."""
    told = subprocess.run(
        [sys.executable, "-c", _ANNOUNCE],
        cwd=ROOT,
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout.strip() == "True", told.stdout + told.stderr
    filters = {"flows": {"name": {"any_": ["retrain"]}}, "deployments": {"name": {"any_": ["retrain"]}}}
    (run,) = wait_for("a training after the release", lambda: service.query("/flow_runs/filter", filters))
    assert run["created_by"]["type"] == "AUTOMATION"


_ANNOUNCE = """
from datetime import UTC, datetime
from storage.decisions import Recorded
from tasks.decisions import announce_release
from xray_model.data.decisions import Decision
decision = Decision(
    batch_id="a.b.1", action="release", who="ada", why="seen", id="0" * 16, when=datetime.now(UTC)
)
print(announce_release(Recorded(decision, new=True, changed=1, accepted=1, statuses={"accepted": 1})))
"""
