"""The logs of what `xray up` runs: one file for each, turned over when it has grown too long."""

import os
import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 10_000_000
KEPT = 4
"""Older files of each log, `.1` the youngest."""
_TAIL_BYTES = 20_000


def open_log(path: Path) -> BinaryIO:
    """Open a log to append to, with a line that says when; its folder is for the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    turn_over(path)
    file = path.open("ab", buffering=0)
    file.write(f"=== {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: xray up starts {path.stem}\n".encode())
    return file


def turn_over(path: Path, most_bytes: int = MOST_BYTES) -> None:
    """Move the content of a log that is too long to an older file, and drop the oldest.

    It is copied and cut, since a process has the file open; a line written in between is lost.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return
    older = [path.with_name(f"{path.name}.{number}") for number in range(1, KEPT + 1)]
    for young, old in reversed(list(pairwise(older))):
        if young.exists():
            young.replace(old)
    shutil.copyfile(path, older[0])
    os.truncate(path, 0)


def last_lines(path: Path, most: int = 15) -> str:
    """The end of a log, indented; nothing where there is none yet."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-most:])
