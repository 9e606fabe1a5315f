"""`xray up` as people start it: all its servers, until Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from apps.doctor.service import look_at_service
from apps.prefect_api import PrefectApi
from apps.up.lock import find_running
from storage.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.service]

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = ("--prefect-port", "--console-port", "--mlflow-port")


@pytest.fixture
def ports() -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in OPTIONS]


@pytest.fixture
def up(home: Path, tmp_path: Path, ports: list[int]) -> Iterator["subprocess.Popen[str]"]:
    """The command, killed afterwards where a test left it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    words = [word for option, port in zip(OPTIONS, ports, strict=True) for word in (option, str(port))]
    with subprocess.Popen(
        [sys.executable, "-m", "apps", "up", *words],
        cwd=ROOT,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process
        process.kill()


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What it prints, up to a line with these words."""
    lines: list[str] = []
    assert process.stdout
    while not lines or words not in lines[-1]:
        line = process.stdout.readline()
        assert line, f"it ended after: {''.join(lines)}"
        lines.append(line)
    return "".join(lines)


def test_everything_runs_until_ctrl_c(up: "subprocess.Popen[str]", home: Path, ports: list[int]) -> None:
    """The addresses answer, the night is scheduled, a dead console comes back, and Ctrl-C leaves nothing behind."""
    begun = time.monotonic()
    said = read_until(up, "Ctrl-C stops it all")
    print(f"up after {time.monotonic() - begun:.0f} s")
    addresses = re.findall(r"http://127\.0\.0\.1:\d+(?=\n)", said)
    assert len(addresses) >= 2, said
    for address in addresses:
        assert urllib.request.urlopen(address, timeout=30).status == 200
    api = PrefectApi(f"http://127.0.0.1:{ports[0]}/api")
    assert "nightly/nightly" in api.deployments()
    assert api.workers("cpu") == 1
    running = find_running(home)
    assert running is not None
    assert running.api == api.url
    assert {one.state for one in look_at_service(Settings())} == {"ok"}

    processes = psutil.Process(up.pid).children(recursive=True)
    assert len(processes) >= 4  # guard, server, console, worker
    listening = [one.laddr for process in processes for one in process.net_connections() if one.status == "LISTEN"]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    (console,) = [one for one in processes if "console" in one.cmdline()]
    console.kill()
    assert "console ended with signal 9 (Killed); it is started again" in read_until(up, "started again")

    stopped = time.monotonic()
    up.send_signal(signal.SIGINT)
    assert up.wait(90) == 0
    print(f"stopped after {time.monotonic() - stopped:.0f} s")
    assert [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert find_running(home) is None
