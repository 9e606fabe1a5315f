"""The members of a tar archive, from its headers alone.

tarfile is used for one header at a time: its own walk ends without a word at a damaged header, and in some supported
releases of Python it never ends on a hostile one (CVE-2025-8194).
"""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storage.archives.members import ArchiveLimits, Collector, Contents
from storage.archives.ranged import RangeReader

_BLOCK = tarfile.BLOCKSIZE
_LONGEST_HEADER = 2**20
_PAX = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_EXTENSIONS = {*_PAX, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE}
_REGULAR = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_LINKS_AND_DEVICES = {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
_WITHOUT_DATA = {*_LINKS_AND_DEVICES, tarfile.DIRTYPE}
_MORE_SPARSE, _MORE_SPARSE_LATER = 482, 504
"""Where the first and the following headers of a sparse file say that another one follows."""


class _DamagedError(Exception):
    """A header that cannot be what it should be; the message says what is wrong with the archive."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: bytes
    sparse: bool
    offset: int
    """Of its content."""
    size: int


def list_tar(read: RangeReader, limits: ArchiveLimits) -> Contents:
    """Find the members of a tar archive; those before a damaged place are kept."""
    found = Collector(limits)
    try:
        for entry in _entries(read, found.room):
            if entry.kind == tarfile.DIRTYPE:
                continue
            if problem := _problem(entry, read.size):
                found.refuse(entry.name, problem)
            else:
                found.add(entry.name, entry.offset, entry.size, entry.size)
    except _DamagedError as error:
        found.damage = str(error)
    return found.contents


def is_tar(start: bytes) -> bool:
    """Whether the first 512 bytes of a file are a tar header, or the end mark of an empty archive."""
    try:
        tarfile.TarInfo.frombuf(start[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return len(start) >= _BLOCK and not any(start[:_BLOCK])
    return True


def _problem(entry: _Entry, archive_size: int) -> str | None:
    if entry.kind in _LINKS_AND_DEVICES:
        return "it is a link or a device inside an archive"
    if entry.sparse:
        return "it is packed as a sparse file; pack it again as an ordinary one"
    if entry.kind not in _REGULAR:
        return "it is a kind of entry that is not read here"
    return "it is cut off" if entry.offset + entry.size > archive_size else None


def _entries(read: RangeReader, room: Callable[[], bool]) -> Iterator[_Entry]:
    """Every entry of the archive but the headers that only describe the next one."""
    offset, described = 0, dict[str, str]()
    while room():
        block = read(offset, _BLOCK)
        if len(block) == _BLOCK and not any(block):
            return
        header = _header(block)
        offset += _BLOCK
        if header.type in _EXTENSIONS:
            described.update(_description(header, read(offset, header.size)))
            offset += _padded(header.size)
            continue
        if header.type == tarfile.GNUTYPE_SPARSE:
            offset += _sparse_headers(read, block, offset)
        entry = _entry(header, described, offset)
        yield entry
        offset += 0 if entry.kind in _WITHOUT_DATA else _padded(entry.size)
        described = {}


def _header(block: bytes) -> tarfile.TarInfo:
    if len(block) < _BLOCK:
        raise _DamagedError("the archive is cut off")
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        raise _DamagedError("the archive is damaged") from None
    if header.size < 0 or (header.type in _EXTENSIONS and header.size > _LONGEST_HEADER):
        raise _DamagedError("the archive is damaged")
    return header


def _entry(header: tarfile.TarInfo, described: dict[str, str], offset: int) -> _Entry:
    size = described.get("size", str(header.size))
    if not size.isdecimal() or len(size) > len(str(2**63)):
        raise _DamagedError("the archive is damaged")
    sparse = header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in described)
    return _Entry(described.get("path", header.name), header.type, sparse, offset, int(size))


def _description(header: tarfile.TarInfo, data: bytes) -> dict[str, str]:
    """What an extension says of the next entry: its path, and other pax values."""
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.partition(b"\0")[0].decode("utf-8", "surrogateescape")}
    return dict(_pax_values(data)) if header.type in _PAX else {}


def _pax_values(data: bytes) -> Iterator[tuple[str, str]]:
    """Records `length key=value` with a line's end, the length counting all of it."""
    start = 0
    while start < len(data):
        length = data[start : start + 20].partition(b" ")[0]
        end = start + int(length) if length.isdigit() else start
        key, separator, value = data[start + len(length) + 1 : end - 1].partition(b"=")
        if not separator or end > len(data):
            raise _DamagedError("the archive is damaged")
        yield key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")
        start = end


def _sparse_headers(read: RangeReader, block: bytes, offset: int) -> int:
    """Bytes of the headers that follow the first one of a sparse file."""
    length, more = 0, block[_MORE_SPARSE]
    while more:
        following = read(offset + length, _BLOCK)
        if len(following) < _BLOCK:
            raise _DamagedError("the archive is cut off")
        length, more = length + _BLOCK, following[_MORE_SPARSE_LATER]
    return length


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
