"""In service: the deployments of prefect.yaml on a real server and worker."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.settings import Settings
from storage.store import open_store

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[2]
PREFECT = (sys.executable, "-m", "prefect")


@dataclass(frozen=True)
class Service:
    """A Prefect server on loopback, and the environment in which commands find it."""

    api: str
    environment: dict[str, str]

    def command(self, *words: str, timeout: float = 240) -> str:
        """Run a prefect command; returns what it printed."""
        done = subprocess.run(
            [*PREFECT, *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, path: str, body: dict[str, Any]) -> Any:
        """POST to the server's API."""
        request = urllib.request.Request(
            f"{self.api}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 90) -> Any:
    """What `condition` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server and a worker on the pool `cpu`, with the deployments of prefect.yaml."""
    home = tmp_path_factory.mktemp("service")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XRAY_", "PREFECT_"))} | {
        "XRAY_HOME": str(home / "xray"),
        "XRAY_SALT": "a salt for tests",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": api,
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
    }
    found = Service(api, environment)
    log = (home / "server.log").open("w")
    running = [
        subprocess.Popen(
            [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=log,
        )
    ]
    try:
        wait_for("the server", lambda: _answers(f"{api}/health"), 180)
        found.command("work-pool", "create", "cpu", "--type", "process")
        found.command("--no-prompt", "deploy", "--all")
        running.append(
            subprocess.Popen([*PREFECT, "worker", "start", "--pool", "cpu"], env=environment, stdout=log, stderr=log)
        )
        yield found
    finally:
        for process in reversed(running):
            _end(process)
        log.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    for stop in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            continue
        return


def test_both_deployments_are_there(service: Service) -> None:
    """`prefect deploy --all` leaves the two deployments of prefect.yaml, and listing pools works."""
    names = {deployment["name"] for deployment in service.query("/deployments/filter", {})}
    assert names == {"nightly", "retrain"}
    assert "cpu" in service.command("work-pool", "ls")


def test_cron_makes_runs(service: Service) -> None:
    """The scheduler makes runs of the nightly cron: with a wrong SQLAlchemy it silently makes none."""
    filters = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "flows": {"name": {"any_": ["nightly"]}}}
    runs = wait_for("a scheduled night", lambda: service.query("/flow_runs/filter", filters))
    assert all(run["auto_scheduled"] for run in runs)


def test_deployment_run_does_a_night(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_release_starts_a_training(service: Service) -> None:
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
