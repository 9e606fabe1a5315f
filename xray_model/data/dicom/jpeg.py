"""What a JPEG or JPEG-LS stream says of itself before its scan: checked before a decoder written in C sees it."""

from dataclasses import dataclass

from xray_model.errors import UnreadableImage

LOSSLESS = 0xC3
JPEG_LS = 0xF7

_START, _SCAN, _TABLES, _END = 0xD8, 0xDA, 0xC4, 0xD9
_FRAMES = frozenset({*range(0xC0, 0xD0), JPEG_LS}) - {_TABLES, 0xC8, 0xCC}
_FRAME_BYTES = 6
_CODE_LENGTHS = 16
_MOST_SYMBOLS = 256
_DAMAGED = "the image is damaged or cut short"


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """The frame header of a stream (ISO/IEC 10918-1 B.2.2)."""

    kind: int
    """The second byte of its marker, which tells the process."""
    precision: int
    """Bits per sample."""
    rows: int
    columns: int
    components: int


def read_jpeg_frame(stream: bytes) -> JpegFrame:
    """Walk the segments up to the scan, and return the one frame header there must be.

    Raises:
        UnreadableImage: there is none or more than one, or a segment or Huffman table is damaged.
    """
    if stream[:2] != bytes((0xFF, _START)):
        raise UnreadableImage(_DAMAGED)
    frames: list[JpegFrame] = []
    place = 2
    while True:
        marker, segment, place = _next_segment(stream, place)
        if marker == _SCAN:
            break
        if marker == _TABLES:
            _check_tables(segment)
        if marker in _FRAMES:
            frames.append(_read_frame(marker, segment))
    if len(frames) != 1 or not frames[0].rows or not frames[0].columns:
        raise UnreadableImage(_DAMAGED)
    return frames[0]


def _next_segment(stream: bytes, place: int) -> tuple[int, bytes, int]:
    """Marker, content and end of the segment that begins at `place`."""
    while stream[place : place + 2] == b"\xff\xff":
        place += 1
    length = int.from_bytes(stream[place + 2 : place + 4], "big")
    end = place + 2 + length
    marker = int.from_bytes(stream[place + 1 : place + 2], "big")
    if stream[place : place + 1] != b"\xff" or length < 2 or end >= len(stream) or marker in (0, _START, _END):  # noqa: PLR2004
        raise UnreadableImage(_DAMAGED)
    return marker, stream[place + 4 : end], end


def _read_frame(marker: int, segment: bytes) -> JpegFrame:
    components = segment[5] if len(segment) >= _FRAME_BYTES else 0
    if not components or len(segment) != _FRAME_BYTES + 3 * components:
        raise UnreadableImage(_DAMAGED)
    rows, columns = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    return JpegFrame(marker, segment[0], rows, columns, components)


def _check_tables(segment: bytes) -> None:
    """Refuse a Huffman table with more codes than its lengths have room for."""
    while segment:
        counts = segment[1 : 1 + _CODE_LENGTHS]
        symbols = sum(counts)
        room = sum(count << (_CODE_LENGTHS - length) for length, count in enumerate(counts, start=1))
        end = 1 + _CODE_LENGTHS + symbols
        if symbols > _MOST_SYMBOLS or room > 1 << _CODE_LENGTHS or len(segment) < end:
            raise UnreadableImage(_DAMAGED)
        segment = segment[end:]
