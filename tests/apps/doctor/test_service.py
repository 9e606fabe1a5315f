"""What `xray doctor` says of a Prefect server and of Dask, and what to do; the server is a small double."""

import json
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from apps.deployments import read_deployments
from apps.doctor import service
from apps.doctor.findings import Finding
from apps.doctor.service import look_at_service
from apps.up.lock import hold_home
from storage.settings import Settings
from tests.servers.dask_cluster import dask_cluster

Answers = dict[str, Any]


class Double(ThreadingHTTPServer):
    """Answers each path with what `answers` holds, with a clock that is `ahead` seconds ahead."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.ahead = answers, 0.0
        self.url = f"http://127.0.0.1:{self.server_port}/api"


class _Handler(BaseHTTPRequestHandler):
    server: Double

    def do_GET(self) -> None:
        """Answer."""
        found = self.server.answers.get(self.path.removeprefix("/api"))
        body = json.dumps(found).encode()
        self.send_response_only(404 if found is None else 200)
        self.send_header("Date", formatdate(time.time() + self.server.ahead, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Read what was asked, and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """A server at which all is well, named by PREFECT_API_URL."""
    deployments = read_deployments()
    pools = sorted({one.pool for one in deployments})
    flows = sorted({one.name.partition("/")[0] for one in deployments})
    answers: Answers = {
        "/health": True,
        "/admin/version": version("prefect"),
        "/work_pools/filter": [{"name": pool, "type": "process", "is_paused": False} for pool in pools],
        "/flows/filter": [{"id": f"id of {flow}", "name": flow} for flow in flows],
        "/deployments/filter": [
            {"name": one.name.partition("/")[2], "flow_id": f"id of {one.name.partition('/')[0]}"}
            for one in deployments
        ],
    }
    answers |= {f"/work_pools/{pool}/workers/filter": [{"status": "ONLINE"}] for pool in pools}
    with Double(answers) as double:
        Thread(target=double.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", double.url)
        yield double
        double.shutdown()


def look() -> dict[str, Finding]:
    """The findings by their subjects."""
    found = list(look_at_service(Settings()))
    assert len({one.subject for one in found}) == len(found)
    return {one.subject: one for one in found}


def test_service_in_which_all_is_well(server: Double) -> None:
    """Server, clock, pool and deployments are each said to be well."""
    found = look()
    assert {one.state for one in found.values()} == {"ok"}
    assert {"Prefect server", "clock beside Prefect's", "work pool cpu", "deployments"} <= set(found)
    assert "live workers: 1" in found["work pool cpu"].words
    assert "nightly/nightly" in found["deployments"].words


def no_pool(answers: Answers) -> None:
    """Nobody made a work pool."""
    answers["/work_pools/filter"] = []


def paused_pool(answers: Answers) -> None:
    """Somebody paused the pool."""
    answers["/work_pools/filter"][0]["is_paused"] = True


def dead_worker(answers: Answers) -> None:
    """The worker has not been heard of."""
    answers["/work_pools/cpu/workers/filter"] = [{"status": "OFFLINE"}]


def no_deployment(answers: Answers) -> None:
    """Nothing is deployed."""
    answers["/deployments/filter"] = []


def old_server(answers: Answers) -> None:
    """The server is another version."""
    answers["/admin/version"] = "3.0.0"


def no_prefect(answers: Answers) -> None:
    """It is some other server."""
    answers.clear()


@pytest.mark.parametrize(
    ("spoil", "subject", "words"),
    [
        (no_pool, "work pool cpu", "prefect work-pool create cpu --type process"),
        (paused_pool, "work pool cpu", "prefect work-pool resume cpu"),
        (dead_worker, "work pool cpu", "prefect worker start --pool cpu"),
        (no_deployment, "deployments", "prefect --no-prompt deploy --all"),
        (old_server, "Prefect server", "runs Prefect 3.0.0"),
        (no_prefect, "Prefect server", "does not answer as Prefect does"),
    ],
)
def test_what_is_wrong_is_a_problem_with_its_remedy(
    server: Double, spoil: Callable[[Answers], None], subject: str, words: str
) -> None:
    """Each is told under its own subject, with the command that mends it."""
    spoil(server.answers)
    found = look()[subject]
    assert found.state == "problem"
    assert words in found.words


@pytest.mark.parametrize(("seconds", "state", "words"), [(5, "ok", "agree"), (300, "problem", "300 s behind")])
def test_clocks_are_compared(server: Double, seconds: int, state: str, words: str) -> None:
    """A few seconds are a slow answer; minutes put decisions in the wrong order."""
    server.ahead = seconds
    found = look()["clock beside Prefect's"]
    assert found.state == state
    assert words in found.words.replace("299", "300").replace("301", "300")


def test_server_that_is_down_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named without its password, and with what to do."""
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:9/api")
    (found,) = look().values()
    assert found.state == "problem"
    assert found.words.startswith("http://127.0.0.1:9/api does not answer")
    assert "secret" not in found.words


def test_server_of_xray_up_is_found_by_itself(server: Double, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PREFECT_API_URL the one of this home is looked at, and how to name it is said; else there is none."""
    monkeypatch.delenv("PREFECT_API_URL")
    assert "none is named" in look()["Prefect server"].words
    with hold_home(home, server.url):
        found = look()
    assert found["Prefect server"].words.endswith(f"export PREFECT_API_URL={server.url}")
    assert found["deployments"].state == "ok"


def test_gpu_pool_that_nobody_serves_is_a_problem(server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that XRAY_GPU_POOL alone names is looked at too."""
    monkeypatch.setenv("XRAY_GPU_POOL", "big")
    assert look()["work pool big"].state == "problem"


def test_dask_that_is_down_or_not_installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that is named and cannot be used is a problem."""
    monkeypatch.setattr(service, "_DASK_SECONDS", 1)
    monkeypatch.setenv("XRAY_DASK", "tcp://127.0.0.1:9")
    found = look()["Dask"]
    assert (found.state, "dask scheduler" in found.words) == ("problem", True)
    monkeypatch.setattr(service, "find_spec", lambda _: None)
    assert "xray-pipeline[dask]" in look()["Dask"].words


def test_dask_of_this_machine_needs_no_scheduler(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `local` there is nothing to connect to."""
    monkeypatch.setenv("XRAY_DASK", "local")
    assert look()["Dask"].state == "ok"


@pytest.mark.service
@pytest.mark.parametrize(
    ("workers", "state", "words"), [(1, "ok", "workers: 1, threads: 1"), (0, "problem", "no workers")]
)
def test_dask_that_runs(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, state: str, words: str
) -> None:
    """Its workers are counted; without one nothing is done."""
    with dask_cluster(tmp_path / "dask", {}, workers) as cluster:
        monkeypatch.setenv("XRAY_DASK", cluster.address)
        end = time.monotonic() + 60
        while (found := look()["Dask"]).state != state and time.monotonic() < end:
            time.sleep(0.5)
        assert found.state == state
        assert words in found.words
