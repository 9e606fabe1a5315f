"""The files of a batch, loose or inside archives, under one set of names.

A batch is any mixture of loose objects and archives (`.zip .tar .tgz .tar.gz`), or one archive. A zip or tar is read
where it lies, by ranged reads of its table of contents or headers and then of its files, many at a time and in one
request where they lie side by side. A `.tgz` is one stream and is unpacked once into one file (`archives.spool`).
Nothing is ever written under a name from an archive.
"""

import shutil
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType
from typing import Self

from storage.archives.extents import File, Span, span_of, spans_of
from storage.archives.index import Index
from storage.archives.members import MIB, ArchiveLimits
from storage.archives.spool import Spool
from storage.archives.zip_members import unpack
from storage.objects import ObjectInfo, Objects
from storage.objects.transfer import in_order
from xray_model.errors import InvalidInput, ObjectNotFound, XrayError

_BUDGET = 64 * MIB
"""Bytes read ahead of the decoding, which is slower than any store."""


class BatchFiles:
    """The names in a batch and a way to read them, from many threads if need be.

    Made anew from the same store and list, in another process, it has the same names. Archives are looked through
    when a name is first asked for. `close` (or `with`) removes the files that `.tgz` archives were unpacked to.
    """

    def __init__(
        self,
        objects: Objects,
        infos: Sequence[ObjectInfo],
        prefix: str,
        *,
        limits: ArchiveLimits | None = None,
        spool: Path | None = None,
    ) -> None:
        """Describe a batch; nothing is read yet.

        Args:
            objects: the store.
            infos: the batch's objects, as listed.
            prefix: the folder they lie in: `incoming/<source>/<batch>/`, or `incoming/<source>/` where the batch is
                one archive.
            limits: against archives made to do harm.
            spool: folder for unpacked `.tgz` archives and what each archive holds, to be shared by all processes that
                read the batch, so that each archive is looked through once; whoever made it removes it. None makes a
                folder of this object's own.

        Raises:
            InvalidInput: an object does not lie under `prefix`.
        """
        self._prefix = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        if any(not info.key.startswith(self._prefix) for info in infos):
            raise InvalidInput("an object of a batch does not lie under the batch's own prefix.")
        self._objects, self._infos, self._limits = objects, infos, limits or ArchiveLimits()
        self._given_spool = spool
        self._remove_spool: weakref.finalize[..., BatchFiles] | None = None
        self._built: Index | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was unpacked, unless it is in a folder that was given."""
        with self._lock:
            self._built = None
            if self._remove_spool:
                self._remove_spool()

    @property
    def names(self) -> tuple[str, ...]:
        """Every file that can be read: loose ones by name, then each archive's in the order they lie there.

        A member has its name inside the archive, so that parts of one set make one tree; where that is taken, the
        archive's own name stands before it, as if it were a folder.
        """
        return tuple(self._index().files)

    @property
    def refused(self) -> Mapping[str, str]:
        """Members and archives that cannot be read, with the reason in a steward's words."""
        return MappingProxyType(self._index().refused)

    def etag_of(self, name: str) -> str:
        """A mark that differs when the file does; ObjectNotFound for a name that is not in the batch."""
        file = self._file(name)
        return f"{file.info.etag}/{file.packed.member.offset:x}" if file.packed else file.info.etag

    def size_of(self, name: str) -> int:
        """Bytes of a file, unpacked; ObjectNotFound for a name that is not in the batch."""
        return self._file(name).size

    def open(self, name: str, first: int | None = None) -> bytes:
        """The content of one file, or its first `first` bytes.

        Raises:
            ObjectNotFound: no such name, or the object is gone.
            InvalidInput: it is damaged inside its archive, or larger than `limits.member_bytes`.
            StoreUnavailable: the store does not answer.
        """
        ((_, content),) = self._read(span_of(name, self._file(name)), first)
        if isinstance(content, XrayError):
            raise content
        return content

    def open_many(
        self, names: Sequence[str], workers: int | None = None, first: int | None = None
    ) -> Iterator[tuple[str, bytes | XrayError]]:
        """Read many files at a time, in the order of `names`, with the error in place of what could not be read.

        Names in the order of `self.names` are read fastest. Some 64 MiB are read ahead at most.

        Args:
            names: any of the batch's.
            workers: threads; as many as pay with this store where None.
            first: only so many bytes from the beginning of each.
        """
        files = self._index().files
        wanted = ((name, files.get(name)) for name in names)
        spans = spans_of(wanted) if first is None else (span_of(name, file) for name, file in wanted)
        read, weigh = partial(self._read, first=first), partial(_weigh, first=first)
        for span, contents in in_order(read, spans, workers or self._objects.readers, weigh, _BUDGET):
            if isinstance(contents, XrayError):
                yield from ((name, contents) for name in span.names)
            else:
                yield from contents

    def _read(self, span: Span, first: int | None = None) -> list[tuple[str, bytes | XrayError]]:
        """Fetch a span and take its files apart."""
        if not span.files:
            raise _not_in_batch()
        packed = span.files[0].packed
        if packed is None:
            return [(file.name, self._read_loose(file, first)) for file in span.files]
        if first is not None and not packed.member.packing:
            return [(span.files[0].name, packed.read(span.start, min(first, packed.member.size)))]
        extent = packed.read(span.start, span.end - span.start)
        return [(file.name, _content(file, extent, span.start, first)) for file in span.files]

    def _read_loose(self, file: File, first: int | None) -> bytes | XrayError:
        if first is None and file.size > self._limits.member_bytes:
            return InvalidInput(f"a file of a batch is larger than {self._limits.member_bytes // MIB} MiB.")
        try:
            return (
                self._objects.get(file.info.key) if first is None else self._objects.get_range(file.info.key, 0, first)
            )
        except XrayError as error:
            return error

    def _file(self, name: str) -> File:
        file = self._index().files.get(name)
        if file is None:
            raise _not_in_batch()
        return file

    def _index(self) -> Index:
        with self._lock:
            if self._built is None:
                self._built = Index(self._objects, self._infos, self._prefix, self._limits, self._open_spool)
            return self._built

    def _open_spool(self) -> Spool:
        folder = self._given_spool
        if folder is None:
            folder = Path(mkdtemp(prefix="xray-spool-"))
            self._remove_spool = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Spool(folder, self._objects, self._limits)


def _weigh(span: Span, first: int | None) -> int:
    """Bytes held while a span, or the beginning of its one file, is fetched."""
    compressed = span.files and span.files[0].packed and span.files[0].packed.member.packing
    return span.weight if first is None or compressed else min(first, span.weight)


def _content(file: File, extent: bytes, start: int, first: int | None) -> bytes | XrayError:
    """One file, or its beginning, out of the bytes of a span that begins at `start` of its archive."""
    if file.packed is None:
        raise TypeError("only members of archives lie in an extent")
    member = file.packed.member
    data = extent[member.offset - start : member.offset - start + member.extent]
    if member.packing:
        try:
            return unpack(member, member.packing, data)[:first]
        except InvalidInput as error:
            return error
    if len(data) == member.size:
        return data
    return InvalidInput("a file inside an archive is cut off: the archive changed since it was listed. Run again.")


def _not_in_batch() -> ObjectNotFound:
    return ObjectNotFound("a file was asked for that is not in the batch.")
