"""Image files written byte by byte, because no library writes what is wrong with them."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.hostile.cases import Pixels

_BLOCK = 2**20
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps, of the seven passes (ISO/IEC 15948, 8.2)."""


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, colour: int = GRAY, interlaced: int = 0) -> bytes:
    """The chunk that says what a PNG holds."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def png(values: npt.NDArray[Any], *before: bytes, after: tuple[bytes, ...] = (), level: int = 1) -> bytes:
    """A gray PNG of uint8 or uint16 [height, width], with more chunks before and after its pixels."""
    height, width = values.shape
    rows = values.astype(values.dtype.newbyteorder(">")).tobytes()
    stride = width * values.itemsize
    raw = b"".join(b"\0" + rows[start : start + stride] for start in range(0, len(rows), stride))
    head = header(width, height, 8 * values.itemsize)
    return SIGNATURE + head + b"".join(before) + chunk(b"IDAT", zlib.compress(raw, level)) + b"".join(after) + END


END = chunk(b"IEND")


def flat_png(width: int, height: int, depth: int = 8, colour: int = GRAY, interlaced: int = 0) -> bytes:
    """A PNG of zeros of any size: a few kilobytes that decode to gigabytes."""
    stride = 1 + -(-width * depth * _CHANNELS[colour] // 8)
    length = stride * height + (8 * (width + height) if interlaced else 0)
    return SIGNATURE + header(width, height, depth, colour, interlaced) + chunk(b"IDAT", packed_zeros(length)) + END


def packed_zeros(length: int) -> bytes:
    """A zlib stream of zeros, packed once and repeated: as fast to write as it is short."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(length % _BLOCK)) + packer.flush()
    # Of zeros, Adler-32 is 1 and, above it, their number.
    return b"\x78\xda" + block * (length // _BLOCK) + rest + struct.pack(">HH", length % 65_521, 1)


def interlaced_png(picture: Pixels) -> bytes:
    """An Adam7 PNG."""
    height, width = picture.shape
    raw = b"".join(
        b"\0" + row.tobytes() for x, y, step_x, step_y in _ADAM7 for row in picture[y::step_y, x::step_x] if row.size
    )
    return SIGNATURE + header(width, height, interlaced=1) + chunk(b"IDAT", zlib.compress(raw)) + END


def rgb16_png(picture: Pixels) -> bytes:
    """A PNG of 16 bits a channel."""
    height, width = picture.shape
    rows = np.repeat(picture.astype(">u2")[:, :, None] * 257, 3, axis=2).reshape(height, -1)
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    return SIGNATURE + header(width, height, 16, RGB) + chunk(b"IDAT", zlib.compress(raw)) + END


def apng(picture: Pixels, frames: int) -> bytes:
    """An animated PNG, each frame but the first a black dot."""
    height, width = picture.shape
    dot = zlib.compress(b"\0\0")
    parts = [chunk(b"acTL", struct.pack(">II", frames, 0)), _frame(0, width, height)]
    later = [
        _frame(2 * number - 1, 1, 1) + chunk(b"fdAT", struct.pack(">I", 2 * number) + dot)
        for number in range(1, frames)
    ]
    return png(picture, *parts, after=tuple(later))


def _frame(number: int, width: int, height: int) -> bytes:
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 10, 0, 0))


def saved(picture: Pixels, form: str, mode: str = "L", **options: Any) -> bytes:
    """A file as Pillow writes it."""
    buffer = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def jpeg(picture: Pixels, mode: str = "L", **options: Any) -> bytes:
    """A JPEG."""
    return saved(picture, "JPEG", mode, **{"quality": 90, **options})


def resized_jpeg(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header claims another size than it has."""
    place = next(place for mark in (b"\xff\xc0", b"\xff\xc2") if (place := data.find(mark)) >= 0)
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


def many_scans(picture: Pixels, scans: int, size: tuple[int, int]) -> bytes:
    """A progressive JPEG with scans of 10 bytes each, for every one of which the decoder walks the whole picture."""
    data = resized_jpeg(jpeg(picture, progressive=True), *size)
    last = data.rindex(b"\xff\xda")
    length = 2 + struct.unpack(">H", data[last + 2 : last + 4])[0]
    return data[:-2] + data[last : last + length] * scans + data[-2:]
