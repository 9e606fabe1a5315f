"""A `.tgz` unpacked once into one file.

Such an archive is one stream: to know the names in it, all of it must be unpacked. A reader then opens thousands of
sidecars in its own order, and the images after that; a pass over the stream for each use would read hundreds of
gigabytes again and again. So the stream is unpacked once, into one file under a name of ours, and every member is an
extent of that file. It takes the disk space of the unpacked archive and a few blocks of memory.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pydantic import TypeAdapter

from storage.archives.members import ArchiveLimits, Contents
from storage.objects import ObjectInfo, Objects
from storage.objects.local_errors import told
from storage.objects.transfer import in_order
from xray_model.errors import XrayError

_BLOCK = 2**22
_SLICE = 2**14
"""Bytes unpacked at a time: what is left over is copied each time, which thousands of empty streams would multiply."""
_PIECE = 2**20
_READERS = 4
_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_WRONG_SUM = re.compile("incorrect (data|length) check")
_UNTRUSTED = "the archive's checksum is wrong, so that none of its files can be trusted"


_CONTENTS = TypeAdapter(Contents)


class Spool:
    """A folder with what was learnt of archives: unpacked streams, and what each archive holds.

    It may be shared by processes: a file gets its name when it is complete.
    """

    def __init__(self, folder: Path, objects: Objects, limits: ArchiveLimits) -> None:
        with told("making the spool folder"):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._objects, self._limits = folder, objects, limits

    def contents(self, info: ObjectInfo) -> Contents | None:
        """What is known of an archive from an earlier `remember`; None when nothing is."""
        try:
            return _CONTENTS.validate_json(self._path(info, "json").read_bytes())
        except FileNotFoundError:
            return None

    def remember(self, info: ObjectInfo, contents: Contents) -> None:
        """Keep what an archive holds."""
        with told("writing into the spool folder"):
            part = self._folder / f"{uuid4().hex}.part"
            part.write_bytes(_CONTENTS.dump_json(contents))
            part.replace(self._path(info, "json"))

    def stream(self, info: ObjectInfo) -> "Stream":
        """Where the unpacked stream of a gzip object is, or will be once it was unpacked."""
        return Stream(self._path(info, "tar"))

    def unpack(self, info: ObjectInfo) -> str | None:
        """Unpack a gzip object.

        Returns:
            What is wrong with the archive, in a steward's words; the stream then ends where that shows.

        Raises:
            StoreUnavailable: the object cannot be read, or the folder has no room.
        """
        part = self._folder / f"{uuid4().hex}.part"
        with told("unpacking an archive into the spool folder"):
            try:
                damage = _unpack(self._objects, info, part, self._limits)
                part.replace(self._path(info, "tar"))
            finally:
                part.unlink(missing_ok=True)
        return damage

    def _path(self, info: ObjectInfo, suffix: str) -> Path:
        identity = f"{self._objects.url}\n{info.key}\n{info.etag}\n{self._limits}"
        return self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.{suffix}"


@dataclass(frozen=True, slots=True)
class Stream:
    """An unpacked stream."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        """Bytes `start` to `start + length`, fewer where the file ends."""
        with told("reading an unpacked archive"), self.path.open("rb") as file:
            return os.pread(file.fileno(), length, start)


def _unpack(objects: Objects, info: ObjectInfo, path: Path, limits: ArchiveLimits) -> str | None:
    """Write the unpacked stream to `path`; returns what is wrong with it, in a steward's words."""
    written = 0
    with path.open("xb", buffering=_PIECE) as file:
        stream = _Gunzip()
        for block in _blocks(objects, info):
            try:
                for piece in stream.feed(block):
                    file.write(piece)
                    written += len(piece)
                    if problem := _bomb(written, stream.consumed, limits):
                        return problem
            except zlib.error as error:
                if not _WRONG_SUM.search(str(error)):
                    return "the archive is damaged"
                file.truncate(0)
                return _UNTRUSTED
    return None if stream.complete else "the archive is cut off"


def _bomb(written: int, consumed: int, limits: ArchiveLimits) -> str | None:
    if written > limits.archive_bytes:
        return f"the archive unpacks to more than {limits.archive_bytes // 2**20} MiB"
    if written > limits.ratio_from and written > limits.ratio * consumed:
        return f"the archive unpacks to more than {limits.ratio} times its size, as one made to do harm does,"
    return None


def _blocks(objects: Objects, info: ObjectInfo) -> Iterator[bytes]:
    """The object from its first byte to its last, a few blocks read ahead."""

    def read(start: int) -> bytes:
        return objects.get_range(info.key, start, _BLOCK)

    for _, block in in_order(read, range(0, info.size, _BLOCK), _READERS, lambda _: _BLOCK):
        if isinstance(block, XrayError):
            raise block
        yield block


class _Gunzip:
    """Unpacks gzip, also of several streams one after another, never more than a piece at a time."""

    def __init__(self) -> None:
        self.consumed = 0
        self.complete = False
        """Whether the last stream came to its end."""
        self._stream = zlib.decompressobj(_GZIP)

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Unpack one block; zlib.error where it is damaged."""
        for start in range(0, len(block), _SLICE):
            yield from self._unpack(block[start : start + _SLICE])

    def _unpack(self, packed: bytes) -> Iterator[bytes]:
        self.consumed += len(packed)
        while True:
            if self.complete:
                packed = packed.lstrip(b"\0")
                if not packed.startswith(_MAGIC[: len(packed)]) or not packed:
                    return
                self._stream = zlib.decompressobj(_GZIP)
            piece = self._stream.decompress(packed, _PIECE)
            self.complete = self._stream.eof
            packed = self._stream.unused_data if self.complete else self._stream.unconsumed_tail
            yield piece
            if not packed and len(piece) < _PIECE:
                return
