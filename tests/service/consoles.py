"""People at real consoles, without a browser."""

import os
import re
from pathlib import Path

import httpx


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
