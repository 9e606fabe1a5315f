"""Real consoles, each a process of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60


@contextmanager
def running_console(home: Path, log: Path) -> Iterator[tuple[str, int]]:
    """A console over the store of `home`: its address and process id; what it says goes to `log`."""
    command = [sys.executable, "-u", "-c", "from apps.cli import main; main()", "console", "--port", "0"]
    environment = {**os.environ, "XRAY_HOME": str(home), "COLUMNS": "200"}
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            yield _wait_for_address(log), process.pid
        finally:
            process.kill()


def _wait_for_address(log: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if said := re.search(r"https?://\S+", log.read_text()):
            return said[0]
        time.sleep(0.1)
    raise AssertionError(f"no console after {_SECONDS} s: {log.read_text()}")


def sign_in(address: str, name: str, token: str, limits: httpx.Limits | None = None) -> httpx.Client:
    """A browser at which somebody is signed in, with as many connections as `limits` says."""
    browser = httpx.Client(base_url=address, headers={"origin": address}, timeout=60, limits=limits or httpx.Limits())
    assert browser.post("/sign-in", data={"name": name, "token": token}).status_code == 303
    return browser


def secret_of(browser: httpx.Client) -> str:
    """What the forms of this browser's session carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/history").text)
    assert found
    return found[1]


def memory_of(process: int) -> int:
    """Bytes that a process has in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
