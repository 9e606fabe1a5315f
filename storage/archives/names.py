"""Names inside archives: which are safe, and how any of them can be shown."""

import re
import unicodedata

_LONGEST_PART, _LONGEST = 255, 1024
_SHOWN = 200
_DRIVE = re.compile(r"[A-Za-z]:")


def clean_name(name: str) -> tuple[str, str | None]:
    """The name of a member without `./` and doubled `/`, and why it must be refused (None when it is safe)."""
    if problem := _problem(name):
        return name, problem
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or _DRIVE.match(name):
        return name, "its name is absolute"
    if ".." in parts:
        return name, "its name leads outside the archive"
    if not parts:
        return name, "it has no name"
    clean = "/".join(parts)
    if len(clean.encode()) > _LONGEST or any(len(part.encode()) > _LONGEST_PART for part in parts):
        return name, f"its name is longer than {_LONGEST_PART} bytes (with folders {_LONGEST:,})"
    return clean, None


def printable(name: str) -> str:
    """Any name as one line of text: what cannot be printed as an escape, cut at 200 characters."""
    start = name[:_SHOWN]
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in start)
    return text if len(name) <= _SHOWN and len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _problem(name: str) -> str | None:
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        return "its name is not UTF-8"
    if "Cc" in categories or "\\" in name:
        return "its name holds control characters or backslashes"
    return None
