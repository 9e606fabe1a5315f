"""One `xray up` for each home: a lock that ends with its process, and where its server is."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from xray_model.errors import ConfigurationError

_FILE = "up.json"


@dataclass(frozen=True, slots=True)
class Running:
    """An `xray up` that runs."""

    pid: int
    begun: float
    """When its process was started, in seconds since 1970; tells it from a later process of the same id."""
    api: str
    """Address of its Prefect server's API."""


@contextmanager
def hold_home(home: Path, api: str) -> Iterator[None]:
    """Be the one `xray up` of a home for as long as the context lasts.

    Raises:
        ConfigurationError: there is one already.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / _FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = find_running(home)
            who = f" as process {other.pid}, its Prefect server at {other.api}" if other else ""
            raise ConfigurationError(
                f"`xray up` runs already in the home {home}{who}: stop that one first, or set XRAY_HOME to another home"
            ) from None
        file.truncate(0)
        file.write(json.dumps(asdict(Running(os.getpid(), psutil.Process().create_time(), api))))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def find_running(home: Path) -> Running | None:
    """The `xray up` that runs in a home, if there is one."""
    path = home / _FILE
    text = path.read_text() if path.is_file() else ""
    if not text:
        return None
    found = Running(**json.loads(text))
    try:
        return found if psutil.Process(found.pid).create_time() == found.begun else None
    except psutil.NoSuchProcess:
        return None
