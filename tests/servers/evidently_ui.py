"""The real `evidently ui` on a free loopback port."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from urllib.error import URLError
from urllib.request import urlopen

_PATIENCE = 90.0  # seconds; importing Evidently takes five to ten where nothing else runs


@contextmanager
def evidently_ui(workspace: Path, log: Path) -> Iterator[str]:
    """Its origin, once it answers."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("evidently")),
        "ui",
        "--workspace",
        str(workspace),
        "--port",
        str(port),
    ]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=workspace) as process:
        try:
            yield _wait(process, f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()


def _wait(process: "subprocess.Popen[bytes]", origin: str, log: Path) -> str:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{origin}/api/version", timeout=5):
                return origin
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.3)
    raise AssertionError(f"evidently ui does not answer: {log.read_text()[-2000:]}")
