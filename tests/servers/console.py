"""A real `xray console` for the tests: a process of its own, in the home that the environment names."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_CONSOLE = (sys.executable, "-c", "from apps.cli import main; main()", "console", "--port", "0")


@contextmanager
def console_server(log: Path) -> Iterator[str]:
    """Start the console on a free port, and end it afterwards; its log goes to a file.

    Yields:
        Its origin, such as "http://127.0.0.1:40123".
    """
    # A Prefect server of the tests would be told of every release.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with log.open("wb") as errors:
        server = subprocess.Popen(
            _CONSOLE, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        said = server.stdout.readline() if server.stdout else ""
        assert "http://" in said, f"the console did not start: {said}{log.read_text()}"
        yield said.split()[-1]
    finally:
        server.terminate()
        server.communicate()
