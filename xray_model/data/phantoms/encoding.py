"""A drawn picture as the bytes of a file: 16-bit PNG as BIMCV has them, 8-bit JPEG as the Kaggle sets have them."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray_model.data.phantoms.projection import Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2


@dataclass(frozen=True, slots=True)
class Storage:
    """How gray levels lie in a 16-bit file."""

    bits: int
    """Bits stored (0028,0101)."""
    black: float
    white: float
    """Parts of the range of stored values at which a picture is black and white."""
    monochrome1: bool
    """Whether high values are dark."""

    @property
    def window(self) -> tuple[float, float]:
        """Centre and width, in stored values, that show the picture as it was drawn."""
        top = (1 << self.bits) - 1
        low, high = self.black * top, self.white * top
        centre = (low + high) / 2
        return round(top - centre if self.monochrome1 else centre), round(high - low)


def store_picture(picture: Array, storage: Storage) -> npt.NDArray[np.uint16]:
    """Stored values uint16 [height, width] of a picture of 0 to 1."""
    top = (1 << storage.bits) - 1
    values = np.rint((storage.black + picture * np.float32(storage.white - storage.black)) * np.float32(top))
    stored: npt.NDArray[np.uint16] = values.astype(np.uint16)
    return np.uint16(top) - stored if storage.monochrome1 else stored


def encode_png(values: npt.NDArray[np.uint16]) -> bytes:
    """A 16-bit gray PNG (ISO/IEC 15948) of uint16 [height, width].

    Written here because Pillow weighs five filters against each other on every row, which for noisy pictures takes
    twice the time and saves nothing: `up` for all rows and Huffman codes alone give the same size.
    """
    height, width = values.shape
    raw = values.astype(">u2").view(np.uint8)
    rows = np.empty((height, 1 + 2 * width), dtype=np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = raw[0]
    np.subtract(raw[1:], raw[:-1], out=rows[1:, 1:])
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_HUFFMAN_ONLY)
    data = packer.compress(rows.tobytes()) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def encode_jpeg(picture: Array, quality: int, *, colour: bool = False) -> bytes:
    """An 8-bit JPEG of a picture of 0 to 1, gray or (as some sources save them) as gray in three channels."""
    image = Image.fromarray(np.rint(picture * 255).astype(np.uint8))
    buffer = io.BytesIO()
    (image.convert("RGB") if colour else image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
