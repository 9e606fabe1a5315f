"""The audit file: one line of JSON for every sign-in, refusal and change, and nothing is ever taken out of it.

Each line has `time` (UTC), `who` and `role` (null where nobody is signed in), `address`, `event` and `facts`. It never
holds a token, a cookie or the text of a reason; a decision's reason is with the decision, under its id.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request

from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Visitor

Fact = str | int | float | bool | None


def audit(request: Request, visitor: Visitor | None, event: str, **facts: Fact) -> None:
    """Write down what somebody did, or was refused.

    Raises:
        OSError: it could not be written; the caller's work fails with it.
    """
    settings: ConsoleSettings = request.app.state.access.settings
    who, role = (visitor.name, visitor.role.value) if visitor else (None, None)
    write_line(settings.folder, who, role, peer(request), event, facts)


def write_line(
    folder: Path, who: str | None, role: str | None, address: str, event: str, facts: dict[str, Fact]
) -> None:
    """Append one line to the folder's audit file, in one write, so that two processes do not mix theirs.

    Raises:
        OSError: it could not be written whole.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    said = {"time": now, "who": who, "role": role, "address": address, "event": event, "facts": facts}
    line = json.dumps(said).encode() + b"\n"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "audit.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        written = os.write(descriptor, line)
    finally:
        os.close(descriptor)
    if written < len(line):
        raise OSError(f"only {written} of {len(line)} bytes of an audit line were written: is the disk full?")


def peer(request: Request) -> str:
    """The address at the other end of the connection."""
    return request.client.host if request.client else "unknown"
