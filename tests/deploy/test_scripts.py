"""The programs of the images."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from apps.cli import app
from storage.objects import open_objects
from tests.deploy.reading import DEPLOY, POOLS, ROOT, load_script, read_dockerfile, read_pool
from xray_model.errors import ConfigurationError


class _Answers(BaseHTTPRequestHandler):
    """Answers each GET with the status that the path names."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a server on loopback that answers as it is asked to."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (204, True), (303, True), (404, False), (503, False)])
def test_health_is_the_status(address: str, status: int, healthy: bool) -> None:
    """A server is healthy where it answers with a status below 400."""
    assert load_script("healthy").is_healthy(f"{address}/{status}") is healthy


def test_silence_is_not_healthy() -> None:
    """As a program the check ends with 1 where nothing listens."""
    script = str(DEPLOY / "scripts" / "healthy.py")
    done = subprocess.run([sys.executable, script, "http://127.0.0.1:1/health"], timeout=60, check=False)
    assert done.returncode == 1


def test_console_is_started_with_options_there_are() -> None:
    """Every option that console.sh gives `xray console` is one of it."""
    given = set(re.findall(r"(?<= )--[a-z-]+", (DEPLOY / "scripts" / "console.sh").read_text().partition("exec")[2]))
    known = CliRunner().invoke(app, ["console", "--help"]).output
    assert {"--host", "--certificate", "--key"} <= given
    assert all(option in known for option in given)


def test_console_waits_for_somebody_to_let_in(tmp_path: Path) -> None:
    """Without people console.sh says what to do, and starts nothing; with some it starts the console."""
    script = ["sh", str(DEPLOY / "scripts" / "console.sh")]
    (tmp_path / "bin").mkdir()
    for name, words in (("sleep", "exit 7"), ("xray", 'echo "xray $*"')):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{words}\n")
        program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "XRAY_HOME": str(tmp_path),
        "CONSOLE_NAME": "desk.example",
    }
    waiting = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert waiting.returncode == 7
    assert "xray console add NAME --role steward" in waiting.stdout
    (tmp_path / "console").mkdir()
    (tmp_path / "console" / "people.json").write_text("{}")
    started = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert shlex.split(started.stdout)[:3] == ["xray", "console", "--host"]
    assert "--name desk.example" in started.stdout


def test_bucket_is_made_once(s3_settings: dict[str, str]) -> None:
    """On a real S3 server a bucket that is missing is made, one that is there is kept, and it can hold a store."""
    prepare, url = load_script("prepare"), "s3://made-by-prepare/store"
    prepare.make_bucket(url)
    open_objects(url).put("kept", b"yes")
    prepare.make_bucket(url)
    assert open_objects(url).get("kept") == b"yes"
    prepare.check_store(url)


def test_careless_object_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in which several writers can create one object is refused before anything is deployed."""
    prepare = load_script("prepare")
    monkeypatch.setattr("storage.objects.local.LocalObjects.probe_create_only", lambda _: False)
    with pytest.raises(ConfigurationError, match="If-None-Match"):
        prepare.check_store((tmp_path / "store").as_uri())


def test_kubernetes_jobs_get_their_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool's jobs run the image that the environment names; without one there is no pool."""
    prepare = load_script("prepare")
    monkeypatch.setenv("GPU_IMAGE", "registry.example/xray-gpu:0.1.0")
    monkeypatch.delenv("CPU_IMAGE", raising=False)
    found = prepare.read_template("gpu", "kubernetes")
    assert found["variables"]["properties"]["image"]["default"] == "registry.example/xray-gpu:0.1.0"
    with pytest.raises(ConfigurationError, match="CPU_IMAGE"):
        prepare.read_template("cpu", "kubernetes")
    assert prepare.read_template("cpu", "process") == read_pool(DEPLOY / "pools" / "process.json")
    assert len(POOLS) == len(prepare.LIMITS) + 1


@pytest.mark.service
def test_prepare_makes_pools_and_deployments(prefect_server: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real server, run twice: both pools with their templates, one training at once, and the deployments."""
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    api = get_current_settings().api.url
    assert api is not None
    monkeypatch.setenv("PREFECT_API_URL", api)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for _ in range(2):
        subprocess.run(
            [sys.executable, str(DEPLOY / "scripts" / "prepare.py"), "process"], cwd=ROOT, timeout=300, check=True
        )
    with get_client(sync_client=True) as client:
        pools = {pool.name: pool for pool in client.read_work_pools()}
        deployments = client.read_deployments()
    assert {name: pools[name].concurrency_limit for name in ("cpu", "gpu")} == {"cpu": None, "gpu": 1}
    template = json.loads((DEPLOY / "pools" / "process.json").read_text())
    assert all(pools[name].base_job_template == template for name in ("cpu", "gpu"))
    assert {"nightly", "retrain"} <= {deployment.name for deployment in deployments}
    assert all(deployment.pull_steps == [{"flows.place.enter_code": {}}] for deployment in deployments)


@pytest.mark.service
def test_workers_are_started_with_options_there_are() -> None:
    """Every option by which the images start a worker is one of Prefect's."""
    commands = [json.loads(read_dockerfile()[1][target].last("CMD") or "[]") for target in ("cpu", "gpu")]
    assert [command[:5] for command in commands] == [
        ["prefect", "worker", "start", "--pool", "cpu"],
        ["prefect", "worker", "start", "--pool", "gpu"],
    ]
    known = subprocess.run(
        [sys.executable, "-m", "prefect", "worker", "start", "--help"],
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    given = {word for command in commands for word in command if word.startswith("--")}
    assert {option for option in given if option not in known} == set()
