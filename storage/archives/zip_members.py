"""The members of a zip archive, from its table of contents alone."""

import stat
import struct
import zlib
from collections.abc import Iterator
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from storage.archives.members import ArchiveLimits, Collector, Contents, Member, Packing
from storage.archives.ranged import RangeFile, RangeReader
from xray_model.errors import InvalidInput

_LONGEST_TABLE = 32 * 2**20
_HEADER = struct.Struct("<4s22xHH")
_LONGEST_NAME_AND_EXTRA = 2 * 0xFFFF
_HEADER_MARK = b"PK\x03\x04"
_ENCRYPTED, _UTF8 = 0x1, 0x800
_FILE_TYPES = {0, stat.S_IFREG, stat.S_IFDIR}


def list_zip(read: RangeReader, limits: ArchiveLimits) -> Contents:
    """Find the members of a zip archive.

    Its table of contents stands at the end, so that of an archive cut off nothing can be read.
    """
    found = Collector(limits)
    try:
        with ZipFile(RangeFile(read, _LONGEST_TABLE)) as archive:
            entries, table = archive.infolist(), archive.start_dir
    except UnicodeDecodeError:
        found.damage = "a name in the archive's table of contents is not UTF-8"
        return found.contents
    except (BadZipFile, InvalidInput, NotImplementedError, OSError, ValueError, IndexError, struct.error):
        found.damage = "the archive's table of contents is damaged, or missing as when a copy is cut off"
        return found.contents
    for entry, end in _with_ends(entries, table):
        if not found.room():
            break
        name = _name(entry)
        if name.endswith("/"):
            continue
        if problem := _problem(entry, end):
            found.refuse(name, problem)
        else:
            packing = Packing(entry.compress_type, entry.compress_size, entry.CRC)
            extent = min(end - entry.header_offset, _HEADER.size + _LONGEST_NAME_AND_EXTRA + entry.compress_size)
            found.add(name, entry.header_offset, extent, entry.file_size, packing)
    return found.contents


def unpack(member: Member, packing: Packing, extent: bytes) -> bytes:
    """The content of a zip member from the bytes of its extent.

    Raises:
        InvalidInput: they are damaged, or unpack to another size than the table of contents says.
    """
    mark, name_length, extra_length = _HEADER.unpack_from(extent.ljust(_HEADER.size, b"\0"))
    start = _HEADER.size + name_length + extra_length
    packed = memoryview(extent)[start : start + packing.size]
    try:
        if packing.method == ZIP_STORED:
            content, whole = bytes(packed), True
        else:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            content = inflate.decompress(packed, member.size + 1)
            whole = inflate.eof
    except zlib.error:
        content, whole = b"", False
    if mark != _HEADER_MARK or not whole or len(content) != member.size or zlib.crc32(content) != packing.crc:
        raise InvalidInput(
            "a file inside an archive is damaged: its checksum or size is wrong. Send the archive again."
        )
    return content


def _with_ends(entries: list[ZipInfo], table: int) -> Iterator[tuple[ZipInfo, int]]:
    """Entries as they lie in the archive, each with the place where the next one begins."""
    entries = sorted(entries, key=lambda entry: entry.header_offset)
    ends = [*(entry.header_offset for entry in entries[1:]), table]
    return zip(entries, ends, strict=False)


def _problem(entry: ZipInfo, end: int) -> str | None:
    if entry.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if stat.S_IFMT(entry.external_attr >> 16) not in _FILE_TYPES:
        return "it is a link or a device inside an archive"
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return "it is packed by a method that is not read here; pack it again as an ordinary zip"
    if entry.header_offset < 0 or entry.header_offset + _HEADER.size + entry.compress_size > end:
        return "it overlaps another file of the archive"
    return None


def _name(entry: ZipInfo) -> str:
    """The name of an entry with `/` between folders.

    The format says code page 437 where an entry is not marked as UTF-8; macOS writes UTF-8 and does not mark it.
    """
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8:
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            name = entry.orig_filename
    return name.replace("\\", "/")
