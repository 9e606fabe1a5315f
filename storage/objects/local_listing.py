"""The files below a directory in the order of their keys, as a bucket would list them."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from storage.objects.interface import ObjectInfo
from storage.objects.keys import disk_from_key, key_from_disk

TEMPORARY = ".xray-tmp"
"""The folder in the root that is never listed."""


def objects_under(root: Path, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
    """Regular files below `root` whose key begins with `prefix` and is greater than `start_after`, by key."""
    folder = prefix[: prefix.rfind("/") + 1]
    if base := _folder(root, folder):
        yield from _walk(base, folder, prefix, start_after)


def folders_under(root: Path, prefix: str) -> Iterator[str]:
    """Folders one level below `prefix` that hold an object at any depth, as beginnings of keys, by key."""
    parent = prefix[: prefix.rfind("/") + 1]
    if not (base := _folder(root, parent)):
        return
    for key, entry in _entries(base, parent):
        if key.endswith("/") and key.startswith(prefix) and next(_walk(Path(entry.path), key, "", ""), None):
            yield key


def _folder(root: Path, beginning: str) -> Path | None:
    """The directory of all keys with a beginning that is empty or ends in `/`; None where there can be no such key."""
    parts = beginning.split("/")[:-1]
    if "\0" in beginning or not {"", ".", ".."}.isdisjoint(parts):
        return None
    folder = root.joinpath(*(os.fsdecode(disk_from_key(part)) for part in parts))
    return folder if os.path.realpath(folder) == str(folder) else None


def _walk(folder: Path, above: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
    for key, entry in _entries(folder, above):
        if not key.startswith(prefix[: len(key)]) or (key <= start_after and not start_after.startswith(key)):
            continue
        if key.endswith("/"):
            yield from _walk(Path(entry.path), key, prefix, start_after)
        elif key.startswith(prefix) and key > start_after and (info := _info(key, entry)):
            yield info


def _entries(folder: Path, above: str) -> list[tuple[str, os.DirEntry[str]]]:
    """Files and folders (with a last `/`, which decides their place among the files) of one directory, by key."""
    entries = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                name = entry.name if entry.name.isascii() else key_from_disk(os.fsencode(entry.name))
                if entry.is_file(follow_symlinks=False):
                    entries.append((above + name, entry))
                elif entry.is_dir(follow_symlinks=False) and (above or name != TEMPORARY):
                    entries.append((f"{above}{name}/", entry))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(entries, key=lambda pair: pair[0])


def _info(key: str, entry: os.DirEntry[str]) -> ObjectInfo | None:
    """The object of one file; None when it was deleted since the directory was read."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return ObjectInfo(key, status.st_size, etag_of(status), datetime.fromtimestamp(status.st_mtime, UTC))


def etag_of(status: os.stat_result) -> str:
    """Time of change and size: no content is read to list."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def time_in(info: ObjectInfo) -> int | None:
    """Time of change in nanoseconds that `etag_of` put into an etag; None where a bucket made it."""
    found = re.fullmatch(rf"([0-9a-f]{{16}})-{info.size:x}", info.etag)
    return int(found[1], 16) if found else None
