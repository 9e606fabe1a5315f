"""Chromium without a window, and the DevTools protocol by which tests drive it.

The protocol runs over a pipe and not over a port: nobody else on the machine can drive the browser, and it ends by
itself when the pipe closes, also where this process is killed.
"""

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
)
# Chromium reads commands from descriptor 3 and writes to 4.
_WITH_PIPE = 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2'
_SECONDS = 30.0


def find_chromium() -> str | None:
    """The program, where there is one."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Connection:
    """Commands to a browser and its events, as JSON between zero bytes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands, self._answers = process.stdin.fileno(), process.stdout.fileno()
        self._unread = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        """Everything it told unasked, in order."""

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to one command."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        os.write(self._commands, json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0")
        while (told := self._read()).get("id") != self._number:
            self.events.append(told)
        assert "error" not in told, f"{method}: {told['error']}"
        answer: dict[str, Any] = told["result"]
        return answer

    def listen(self) -> None:
        """Wait for the next event."""
        self.events.append(self._read())

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            block = os.read(self._answers, 1 << 20) if ready else b""
            assert block, "the browser does not answer, or has ended"
            self._unread += block
        told, _, self._unread = self._unread.partition(b"\0")
        answer: dict[str, Any] = json.loads(told)
        return answer


@contextmanager
def chromium(folder: Path) -> Iterator[Connection]:
    """Start a browser with a fresh profile in `folder`, and end it afterwards."""
    program = find_chromium()
    assert program, f"none of {', '.join(_NAMES)} is on the path"
    folder.mkdir(parents=True)
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's own does not run as root
    command = [program, *_OPTIONS, *sandbox, f"--user-data-dir={folder}", "about:blank"]
    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _WITH_PIPE, "sh", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
    try:
        yield Connection(process)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
