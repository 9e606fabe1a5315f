"""A real Prefect server with workers, as processes of their own that can be killed and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
_PREFECT = (sys.executable, "-m", "prefect")


class PrefectService:
    """A Prefect server on loopback, workers at it, and commands to it; the logs are in its folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Choose a port; nothing is started yet.

        Args:
            folder: for homes and logs.
            environment: what server, workers and commands have beside this process's own variables.
        """
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.api = f"http://127.0.0.1:{self._port}/api"
        self.folder = folder
        own = {name: value for name, value in os.environ.items() if not name.startswith(("XRAY_", "PREFECT_"))}
        self.environment = {
            **own,
            "PYTHONPATH": str(ROOT),
            "XRAY_HOME": str(folder / "xray"),
            "XRAY_SALT": "a salt for tests",
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "DO_NOT_TRACK": "true",
            **environment,
        }
        self._server: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []

    def start_server(self) -> None:
        """Start the server, or start it again on the same port and database."""
        self._server = self._start("server", "server", "start", "--host", "127.0.0.1", "--port", str(self._port))
        wait_for("the server", self._answers, 180)

    def kill_server(self) -> None:
        """End the server by SIGKILL."""
        assert self._server is not None
        kill_tree(self._server)

    def start_worker(self, pool: str, **environment: str) -> "subprocess.Popen[bytes]":
        """Start a worker; its log is named after its pool and its number."""
        name = f"{pool}-{len(self._workers)}"
        worker = self._start(name, "worker", "start", "--pool", pool, "--name", name, **environment)
        self._workers.append(worker)
        return worker

    def log(self, name: str) -> str:
        """What `server` or a worker printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def command(self, *words: str, timeout: float = 240) -> str:
        """Run a prefect command; returns what it printed."""
        done = subprocess.run(
            [*_PREFECT, *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST to the server's API, or GET without a body; again while its database is busy, as its clients do."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}{path}", data, {"Content-Type": "application/json"})
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def runs(self, flow: str, *, deployed: bool = True) -> list[dict[str, Any]]:
        """Flow runs of a flow, the oldest first; of its deployment, or those within another flow too."""
        filters: dict[str, Any] = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.query("/flow_runs/filter", filters)
        return [run for run in found if run["deployment_id"] is not None or not deployed]

    def stop(self) -> None:
        """End the workers, then the server."""
        for process in (*reversed(self._workers), self._server):
            if process is not None:
                _end(process)

    def _start(self, name: str, *words: str, **environment: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*_PREFECT, *words], cwd=ROOT, env=self.environment | environment, stdout=log, stderr=log
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.api}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def prefect_service(folder: Path, **environment: str) -> Iterator[PrefectService]:
    """A running server, without workers yet."""
    service = PrefectService(folder, environment)
    try:
        service.start_server()
        yield service
    finally:
        service.stop()


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 90) -> Any:
    """What `condition` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"waited {seconds} s for {what}")


def kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all it started by SIGKILL, as a machine that loses its power does."""
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in tree:
        one.kill()
    psutil.wait_procs(tree, timeout=20)
    process.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a worker twice, which may be what it takes, then end it with what it started."""
    for _ in range(2):
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        kill_tree(process)
