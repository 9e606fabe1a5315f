"""The structure of one DICOM file: the tags that are used, and where its pixels lie.

Only tags of a list are kept: names, birth dates and other identities never become values. A hostile file can
neither make the parser keep millions of elements nor inflate without end, and nothing of it is ever logged.
"""

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_sequence
from pydicom.tag import BaseTag

from xray_model.data.dicom.signature import MAGIC, PREAMBLE, is_dicom, is_explicit
from xray_model.errors import InvalidInput

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
UNDEFINED_LENGTH = 0xFFFFFFFF

_META_GROUP = 2
_TRANSFER_SYNTAX = 0x00020010
_PIXEL_DATA = 0x7FE00010
_PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, _PIXEL_DATA})
_MOST_READS = 100_000
"""Each element costs a read or two; the headers of real radiographs have some hundred elements."""
_PARSER_FAILURES = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RecursionError, TypeError,
    ValueError, struct.error, zlib.error,
)  # fmt: skip

# pydicom quotes values in what it logs and warns of, and a value may be a name.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels lie in `DicomFile.body`."""

    start: int
    length: int
    """Bytes, or `UNDEFINED_LENGTH` where the pixels come in fragments."""
    words: bool
    """Whether they are stored as 16-bit words (OW)."""


@dataclass(frozen=True, slots=True)
class DicomFile:
    """One file as far as it was parsed."""

    transfer_syntax: str
    body: bytes
    """What follows the file meta information, inflated."""
    dataset: Dataset
    """The tags asked for."""
    complete: bool
    """Whether parsing came past the last tag asked for; False for the start of a file that has a longer header."""
    pixels: PixelElement | None
    """None also where parsing stopped before."""


class _Reads(io.BytesIO):
    """Bytes that can be read a limited number of times."""

    left = _MOST_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, or raise EOFError once the limit is reached."""
        self.left -= 1
        if self.left < 0:
            raise EOFError
        return super().read(size)


def parse_dicom(data: bytes, tags: Sequence[int], *, stop_after: int = _PIXEL_DATA, most: int) -> DicomFile:
    """Parse a file, or the start of one.

    Args:
        data: the bytes.
        tags: the tags to keep.
        stop_after: the last tag that is needed, so that a start of the file may do.
        most: largest size of an inflated body (bytes); a longer one is cut.

    Raises:
        InvalidInput: the bytes are no DICOM, or damaged.
    """
    if not is_dicom(data):
        raise InvalidInput("the file is no DICOM file")
    try:
        syntax, start = _read_meta(data)
        body = data[start:]
        if syntax == DEFLATED_LITTLE:
            body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, most)
        return _parse_body(body, syntax, tags, stop_after)
    except _PARSER_FAILURES:
        # Without the cause: what pydicom says may quote values.
        raise InvalidInput("the DICOM header is damaged") from None


def text_of(dataset: Dataset, tag: int) -> str:
    """The first value of a text tag, stripped; empty where there is none."""
    raw, _ = bytes_of(dataset, tag)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.split("\\", maxsplit=1)[0].strip(" \0\t\r\n")


def integers_of(dataset: Dataset, tag: int) -> tuple[int, ...]:
    """The values of a tag of unsigned 16-bit integers (US; SS as its two's complement)."""
    raw, little = bytes_of(dataset, tag)
    return struct.unpack(f"{'<' if little else '>'}{len(raw) // 2}H", raw[: len(raw) // 2 * 2])


def bytes_of(dataset: Dataset, tag: int) -> tuple[bytes, bool]:
    """The bytes of a tag as they are stored, and whether they are little endian."""
    element = _element(dataset, tag)
    if not isinstance(element, RawDataElement) or element.value is None:
        return b"", True
    return element.value, element.is_little_endian


def first_item(dataset: Dataset, tag: int) -> Dataset | None:
    """The first item of a sequence, or None.

    Raises:
        InvalidInput: the sequence is damaged.
    """
    element = _element(dataset, tag)
    if element is None or not element.value:
        return None
    try:
        if isinstance(element, DataElement):
            item = element.value[0]
            return item if isinstance(item, Dataset) else None
        # A sequence that was written as of unknown kind is implicit little endian (DICOM PS3.5 6.2.2).
        unknown = element.VR == "UN"
        implicit, little = element.is_implicit_VR or unknown, element.is_little_endian or unknown
        items = read_sequence(_Reads(element.value), implicit, little, len(element.value), "iso8859")
        return items[0] if items else None
    except _PARSER_FAILURES:
        raise InvalidInput("a sequence of the DICOM header is damaged") from None


def _element(dataset: Dataset, tag: int) -> RawDataElement | DataElement | None:
    found: Any = dataset.get_item(tag, keep_deferred=True)
    return cast("RawDataElement | DataElement | None", found)


def _read_meta(data: bytes) -> tuple[str, int]:
    """The transfer syntax and where the data set begins."""
    source = _Reads(data)
    prefix = PREAMBLE + len(MAGIC)
    source.seek(prefix if data[PREAMBLE:prefix] == MAGIC else 0)
    meta = read_dataset(
        source,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != _META_GROUP,
        specific_tags=[_TRANSFER_SYNTAX],
    )
    start = source.tell()
    default = EXPLICIT_LITTLE if is_explicit(data, start) else IMPLICIT_LITTLE
    return text_of(meta, _TRANSFER_SYNTAX) or default, start


def _parse_body(body: bytes, syntax: str, tags: Sequence[int], stop_after: int) -> DicomFile:
    source = _Reads(body)
    stopped = False
    pixels: PixelElement | None = None

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal stopped, pixels
        if tag in _PIXEL_TAGS or tag > stop_after:
            stopped = True
            if tag == _PIXEL_DATA:
                pixels = PixelElement(source.tell(), length, vr != "OB")
        return stopped

    try:
        dataset = read_dataset(
            source,
            is_implicit_VR=syntax == IMPLICIT_LITTLE,
            is_little_endian=syntax != EXPLICIT_BIG,
            stop_when=stop,
            specific_tags=list(tags),
        )
    except _PARSER_FAILURES:
        if source.tell() < len(body):
            raise
        dataset, stopped = Dataset(), False  # cut in the middle of an element
    return DicomFile(syntax, body, dataset, stopped, pixels)
