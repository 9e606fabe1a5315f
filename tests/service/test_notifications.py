"""Notifications: the automations of deploy/, on a real Prefect server, tell a webhook what happened."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[2]
PREFECT = (sys.executable, "-m", "prefect")


class Chat(BaseHTTPRequestHandler):
    """A chat's webhook: keeps what it is told."""

    told: list[dict[str, str]]

    def do_POST(self) -> None:
        """Keep a message."""
        self.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def chat() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Address of a webhook, and what it was told."""
    told: list[dict[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneChat", (Chat,), {"told": told}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    server.server_close()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of commands that find a Prefect server of their own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XRAY_", "PREFECT_"))}
    found = kept | {
        "PYTHONPATH": str(ROOT),
        "XRAY_HOME": str(tmp_path / "xray"),
        "XRAY_SALT": "a salt for tests",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
    }
    start = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(start, env=found, stdout=log, stderr=log)
        try:
            wait_for_server(f"http://127.0.0.1:{port}/api/health")
            yield found
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(30)


def wait_for_server(url: str, seconds: float = 180) -> None:
    """Return once it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, f"{url} did not answer in {seconds} s"
            time.sleep(1)


def run(environment: dict[str, str], *command: str) -> str:
    """What a command printed."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_people_are_told(environment: dict[str, str], chat: tuple[str, list[dict[str, str]]], tmp_path: Path) -> None:
    """Made as the document says, each automation tells the chat once of its event, and of no other."""
    address, told = chat
    block = run(environment, sys.executable, "-c", _MAKE_BLOCK, address).split()[-1]
    automations = tmp_path / "notify.yaml"
    text = (ROOT / "deploy" / "automations" / "notify.yaml").read_text()
    automations.write_text(text.replace("BLOCK_ID", block))
    made = run(environment, *PREFECT, "automation", "create", "--from-file", str(automations))
    assert len(re.findall(r"with id", made)) == 5
    time.sleep(5)  # the server reads what automations there are before it looks at an event
    run(environment, sys.executable, "-c", _EVENTS)
    deadline = time.monotonic() + 90
    while len(told) < 5 and time.monotonic() < deadline:
        time.sleep(1)
    time.sleep(3)
    subjects = sorted(message["text"].partition("\n")[0] for message in told)
    assert subjects == [
        "xray: a batch waits",
        "xray: drift, state hold",
        "xray: model v1 is in service",
        "xray: model v2 waits",
        "xray: the night failed",
    ], (tmp_path / "server.log").read_text()[-3000:]
    texts = " ".join(message["text"] for message in told)
    for words in ("7 images of batch hospital.b.1", "ended as Failed", "F1 0.8", "a share of 0.5", "before: none"):
        assert words in texts


_MAKE_BLOCK = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
block = CustomWebhookNotificationBlock(name="chat", url=sys.argv[1], json_data={"text": "{{subject}}\\n{{body}}"})
print(block.save("xray-notify", overwrite=True))
"""
_EVENTS = """
from prefect import flow
from prefect.events.worker import EventsWorker
from tasks.events import announce_drift, announce_hold, announce_model
from tests.storage.entries import gate
from tests.storage.measured import make_night
from xray_model.outcomes import DriftState

@flow(name="nightly")
def night():
    announce_hold(make_night().batches[0])
    announce_model(gate(0, 1).outcome)
    announce_model(gate(1, 2, 1, approval=True).outcome)
    announce_model(gate(2, 3, 1, promote=False).outcome)
    announce_drift(make_night().drift.model_copy(update={"state": DriftState.HOLD, "name": "n1"}))
    raise ValueError("no weights")

night(return_state=True)
EventsWorker.instance().drain()
"""
