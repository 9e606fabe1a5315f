"""A real `xray console` for the tests: a process of its own, in the home that the environment names."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_CONSOLE = (sys.executable, "-u", "-c", "from apps.cli import main; main()", "console", "--port", "0")
_SECONDS = 60


@contextmanager
def console_server(log: Path) -> Iterator[str]:
    """Start the console on a free port, and end it afterwards; its log goes to a file.

    Yields:
        Its origin, such as "http://127.0.0.1:40123".
    """
    with console_process(log) as (origin, _):
        yield origin


@contextmanager
def console_process(log: Path) -> Iterator[tuple[str, int]]:
    """`console_server` with the id of its process."""
    # A Prefect server of the tests would be told of every release.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["COLUMNS"] = "200"
    # Into the file and not into a pipe: that of a pipe that nobody reads would stop it after some hundred requests.
    with log.open("wb") as output:
        server = subprocess.Popen(_CONSOLE, cwd=_ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield _wait_for_origin(log), server.pid
    finally:
        server.terminate()
        server.wait()


def _wait_for_origin(log: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if said := re.search(r"http://\S+", log.read_text()):
            return said[0]
        time.sleep(0.1)
    raise AssertionError(f"the console did not start: {log.read_text()}")
