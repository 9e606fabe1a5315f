"""`file://`: objects as files in one directory, whole or not at all.

A write goes to a temporary file under `.xray-tmp`, is synced, and moved into place in one step; `create` links it
into place, which fails when something is there. No link is followed, inside the root or out of it. What a crash
leaves under `.xray-tmp` is removed a day later by whoever opens the store.

A directory cannot hold both `a` and `a/b`, which a bucket can: writing the second raises InvalidInput.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

from storage.objects.interface import ObjectInfo
from storage.objects.keys import check_key, disk_from_key, shown
from storage.objects.local_errors import check_regular, link_refused, linking, open_source, reading, told
from storage.objects.local_listing import TEMPORARY, etag_of, folders_under, objects_under, time_in
from storage.objects.transfer import one_winner, read_many, write_many
from xray_model.errors import InvalidInput, ObjectNotFound, StoreUnavailable, XrayError

_WRITERS = 16
"""Writers mostly wait for the disk to sync, which serves many of them at once."""
_LEFTOVER_SECONDS = 24 * 3600
_TRIES = 100
_BLOCK = 2**20


class LocalObjects:
    """The objects below one directory; an `Objects`."""

    readers = 1
    """Handing a file from one thread to another costs more than reading it."""

    def __init__(self, root: Path) -> None:
        with told("opening the store"):
            root.mkdir(parents=True, exist_ok=True)
            self._root = root.resolve()
            self._temporary = self._root / TEMPORARY
            self._temporary.mkdir(exist_ok=True)
            self._remove_leftovers()

    @property
    def url(self) -> str:
        """`file:///path` of the root, links in it resolved."""
        return f"file://{quote(os.fsencode(self._root))}"

    def list(self, prefix: str = "", start_after: str | None = None) -> Iterator[ObjectInfo]:
        """See `Objects.list`: regular files only, links and temporary files passed over."""
        with told("listing the store"):
            yield from objects_under(self._root, prefix, start_after or "")

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        """See `Objects.list_folders`: a directory without any object below it is none."""
        with told("listing the store"):
            yield from folders_under(self._root, prefix)

    def head(self, key: str) -> ObjectInfo:
        """See `Objects.head`."""
        path = self._path(key)
        with reading(key):
            status = path.lstat()
        check_regular(key, status.st_mode)
        return ObjectInfo(key, status.st_size, etag_of(status), datetime.fromtimestamp(status.st_mtime, UTC))

    def exists(self, key: str) -> bool:
        """See `Objects.exists`."""
        try:
            self.head(key)
        except ObjectNotFound:
            return False
        return True

    def get(self, key: str) -> bytes:
        """See `Objects.get`."""
        with reading(key), self._open(key) as file:
            return file.read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `Objects.get_range`."""
        if start < 0 or length < 0:
            raise InvalidInput(f"bytes {start} + {length} of an object were asked for; neither may be negative.")
        with reading(key), self._open(key) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(min(start, size))
            return file.read(max(0, min(length, size - start)))

    def get_file(self, key: str, path: Path) -> None:
        """See `Objects.get_file`."""
        part = path.with_name(f".{uuid4().hex}.part")
        with reading(key), self._open(key) as source:
            try:
                with part.open("xb") as target:
                    shutil.copyfileobj(source, target, _BLOCK)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def put(self, key: str, data: bytes) -> None:
        """See `Objects.put`."""
        path = self._path(key)
        with self._written(key, lambda file: file.write(data)) as temporary:
            self._place(path, lambda: temporary.replace(path))

    def put_file(self, key: str, path: Path) -> None:
        """See `Objects.put_file`."""
        target = self._path(key)
        with (
            open_source(path) as source,
            self._written(key, lambda file: shutil.copyfileobj(source, file, _BLOCK)) as temporary,
        ):
            self._place(target, lambda: temporary.replace(target))

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """See `Objects.create`: the winner of a race over processes is the one whose link is made."""
        path = self._path(key)
        with self._written(key, lambda file: file.write(data)) as temporary:
            try:
                with linking():
                    self._place(path, lambda: path.hardlink_to(temporary))
            except FileExistsError:
                if path.is_dir():
                    raise IsADirectoryError from None
                return False
        return True

    def delete(self, key: str) -> None:
        """See `Objects.delete`: folders that it leaves empty go as well."""
        path = self._path(key)
        with told(f"deleting {shown(key)}"), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        for folder in path.parents[: len(path.relative_to(self._root).parts) - 1]:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return

    def keep_time(self, info: ObjectInfo) -> None:
        """See `Objects.keep_time`."""
        path = self._path(info.key)
        moment = time_in(info) or int(info.modified.timestamp()) * 10**9
        with reading(info.key):
            os.utime(path, ns=(moment, moment), follow_symlinks=False)

    def get_many(self, keys: Iterable[str], workers: int | None = None) -> Iterator[tuple[str, bytes | XrayError]]:
        """See `Objects.get_many`."""
        return read_many(self.get, keys, workers or self.readers)

    def put_many(self, items: Iterable[tuple[str, bytes]], workers: int | None = None) -> int:
        """See `Objects.put_many`."""
        return write_many(self.put, items, workers or _WRITERS)

    def probe_create_only(self) -> bool:
        """See `Objects.probe_create_only`; False on a file system without hard links."""
        return one_winner(self.create, self.delete)

    def _path(self, key: str) -> Path:
        return Path(self._name(key))

    def _name(self, key: str) -> str:
        """Path of a key's file, after making sure that no link leads there; as text, which is made in half the time."""
        check_key(key)
        if key.split("/", 1)[0] == TEMPORARY:
            raise InvalidInput(f"{TEMPORARY} is kept for the store's own temporary files; name the object differently.")
        folder, *rest = os.fsdecode(disk_from_key(key)).split("/")
        path = f"{self._root}/{folder}"
        for part in rest:
            if os.path.islink(path):  # noqa: PTH114 - text, see above
                raise link_refused(key)
            path = f"{path}/{part}"
        return path

    def _open(self, key: str) -> BinaryIO:
        """Open an object: never through a link, never waiting on a pipe."""
        descriptor = os.open(self._name(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            check_regular(key, os.fstat(descriptor).st_mode)
        except XrayError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    @contextmanager
    def _written(self, key: str, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
        """A temporary file with its content on the disk, removed afterwards unless it was moved."""
        temporary = self._temporary / uuid4().hex
        with told(f"writing {shown(key)}"):
            try:
                with temporary.open("xb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                yield temporary
            finally:
                temporary.unlink(missing_ok=True)

    def _place(self, path: Path, move: Callable[[], object]) -> None:
        """Move a file to `path`, making folders; another process may be removing them as empty at the same time."""
        for _ in range(_TRIES):
            try:
                move()
            except FileNotFoundError:
                with suppress(FileNotFoundError):
                    self._make_folder(path.parent)
            else:
                _sync_folder(path.parent)
                return
        raise StoreUnavailable(f"the folder of a new object vanished {_TRIES} times; is something deleting the store?")

    def _make_folder(self, folder: Path) -> None:
        depth = len(folder.relative_to(self._root).parts)
        for path in reversed([folder, *folder.parents][:depth]):
            with suppress(FileExistsError):
                path.mkdir()
                _sync_folder(path.parent)

    def _remove_leftovers(self) -> None:
        oldest = time.time() - _LEFTOVER_SECONDS
        for path in self._temporary.iterdir():
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < oldest:
                    path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder` last through a power cut; one that was just removed needs no sync."""
    with suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
