"""This machine: its packages, disks and memory."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
from packaging.requirements import Requirement

from apps.doctor.findings import Finding
from storage.settings import Settings

_PACKAGE = "xray-pipeline"
_GB = 10**9
_DISK_PROBLEM, _DISK_WARNING = 1 * _GB, 10 * _GB
_MEMORY_WARNING = 3 * _GB
"""The libraries of a night with a server and a worker take 1.7 GB before the first image."""


def look_at_machine(settings: Settings) -> Iterator[Finding]:
    """Whether what is installed is what was tested, and whether there is room."""
    yield check_packages()
    yield from _check_disks(settings)
    yield _check_memory()


def check_packages() -> Finding:
    """Compare what is installed with what `pyproject.toml` asks for; docs/pins.md says why it does."""
    try:
        wanted = [Requirement(text) for text in requires(_PACKAGE) or ()]
    except PackageNotFoundError:
        words = f"{_PACKAGE} is not installed, so nobody knows which versions it needs: pip install -e ."
        return Finding("warning", "packages", words)
    wrong = [words for words in map(_judge, wanted) if words]
    if wrong:
        words = f"{'; '.join(wrong)}: pip install --no-deps --require-hashes -r requirements.lock"
        return Finding("problem", "packages", words)
    return Finding("ok", "packages", f"as pyproject.toml asks, among them Prefect {version('prefect')}")


def _judge(wanted: Requirement) -> str:
    """What is wrong with a package, if anything; what only an extra asks for may be absent."""
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return "" if wanted.marker else f"{wanted.name} is missing"
    if wanted.specifier.contains(found, prereleases=True):
        return ""
    return f"{wanted.name} is {found} and should be {wanted.specifier}"


def _check_disks(settings: Settings) -> Iterator[Finding]:
    """The file systems of the home, of the spool in it, and of a store in a folder; each once."""
    home = settings.home.resolve()
    folders = {"home": home, "spool": home / "spool"}
    if settings.store_url.startswith("file:"):
        folders["store"] = Path(unquote(urlsplit(settings.store_url).path))
    seen: dict[int, str] = {}
    for name, folder in folders.items():
        there = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
        if seen.setdefault(there.stat().st_dev, name) == name:
            yield _check_disk(f"disk of the {name}", there)


def _check_disk(subject: str, folder: Path) -> Finding:
    room = shutil.disk_usage(folder)
    words = f"{room.free / _GB:.1f} GB free of {room.total / _GB:.0f}"
    if room.free < _DISK_WARNING:
        words += ": make room, or set XRAY_HOME or XRAY_STORE to a larger disk; `features/` in the store is a cache"
        return Finding("problem" if room.free < _DISK_PROBLEM else "warning", subject, words)
    return Finding("ok", subject, words)


def _check_memory() -> Finding:
    memory = psutil.virtual_memory()
    words = f"{memory.available / _GB:.1f} GB free of {memory.total / _GB:.0f}"
    if memory.available < _MEMORY_WARNING:
        return Finding("warning", "memory", f"{words}: a night may be killed for it; end what is not needed")
    return Finding("ok", "memory", words)
