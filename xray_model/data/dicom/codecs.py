"""Compressed DICOM frames to stored values: Pillow where it can, GDCM for lossless JPEG and JPEG-LS, RLE here."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.uid import UID

from xray_model.data.dicom.isolated import decode_isolated
from xray_model.data.dicom.jpeg import JPEG_LS, LOSSLESS, JpegFrame, read_jpeg_frame
from xray_model.errors import UnreadableImage

Samples = npt.NDArray[np.unsignedinteger[Any]]
"""uint8 or uint16."""

BYTE = 8
_WORD = 16
_DAMAGED = "the image is damaged or cut short"
_CONTRADICTION = "the DICOM header and the compressed image disagree on the size or depth of the image"
_CODEC_FAILURES = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error, Image.DecompressionBombError,
)  # fmt: skip
_SCAN = b"\xff\xda"
_MOST_SCANS = 16
"""In one JPEG: those that DICOM allows have one for each colour at most, and each walks the whole picture."""
_CODESTREAM = b"\xff\x4f\xff\x51"
_DEPTH_PLACE = 42
"""Of the first component's depth in a JPEG 2000 codestream (ISO/IEC 15444-1 A.5.1)."""
_RLE_HEADER = 64
_RLE_REPEAT = 128


@dataclass(frozen=True, slots=True)
class FrameShape:
    """What the header says of the one frame of an image."""

    rows: int
    columns: int
    samples: int
    """Per pixel: 1 gray, 3 colour."""
    bits_allocated: int
    """8 or 16."""
    photometric: str
    """The photometric interpretation (0028,0004)."""


def decode_frame(frame: bytes, syntax: str, shape: FrameShape) -> Samples:
    """Decode one compressed frame.

    Returns:
        [rows, columns] or [rows, columns, 3]: stored values, negative ones as their two's complement. A colour
        image in a JPEG comes as its gray levels, uint8 [rows, columns].

    Raises:
        UnreadableImage: damaged, contradicts the header, or compressed in a way that is not read.
    """
    codec = _CODECS.get(syntax)
    if codec is None:
        raise UnreadableImage(f"the DICOM file is compressed in a way that is not read here ({_name(syntax)})")
    try:
        values = codec(frame, syntax, shape)
    except _CODEC_FAILURES:
        # Without the cause: what pydicom says may quote values.
        raise UnreadableImage(_DAMAGED) from None
    if values.shape[:2] != (shape.rows, shape.columns):
        raise UnreadableImage(_CONTRADICTION)
    return values


def gray_of_colour(pixels: npt.NDArray[np.uint8], photometric: str) -> npt.NDArray[np.uint8]:
    """Gray levels uint8 [h, w] of colours [h, w, 3]: the luminance that YBR has as its first sample."""
    if photometric.startswith("YBR"):
        return pixels[..., 0]
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _name(syntax: str) -> str:
    name = UID(syntax).name
    # What is not in the dictionary of the standard might be anything, so it is not quoted.
    return "an unknown method" if name == syntax else name


def _decode_jpeg(frame: bytes, _syntax: str, shape: FrameShape) -> Samples:
    header = read_jpeg_frame(frame)
    if header.precision != BYTE:
        raise UnreadableImage(
            f"the DICOM file is compressed in a way that is not read here (JPEG with {header.precision} bits and loss)"
        )
    _check(header, shape)
    if frame.count(_SCAN) > _MOST_SCANS:
        raise UnreadableImage(_DAMAGED)
    with Image.open(io.BytesIO(frame), formats=("JPEG",)) as image:
        if shape.photometric == "RGB" and "adobe_transform" not in image.info:
            # Nothing in the stream says that it is not YCbCr, so that Pillow would convert it: take it as it is.
            image.draft("YCbCr", image.size)
            return gray_of_colour(np.asarray(image), "RGB")
        return np.asarray(image.convert("L"))


def _decode_jpeg2000(frame: bytes, _syntax: str, shape: FrameShape) -> Samples:
    start = frame.find(_CODESTREAM)
    depth = frame[start + _DEPTH_PLACE]
    signed, precision = bool(depth >> 7), (depth & 0x7F) + 1
    with Image.open(io.BytesIO(frame), formats=("JPEG2000",)) as image:
        if start < 0 or image.size != (shape.columns, shape.rows) or precision > shape.bits_allocated:
            raise UnreadableImage(_CONTRADICTION)
        if shape.samples > 1:
            colours = np.asarray(image.convert("RGB"))
            return gray_of_colour(colours, "YBR" if shape.photometric == "YBR_FULL" else "RGB")
        if image.mode not in ("L", "I;16"):
            raise UnreadableImage(_CONTRADICTION)
        values = np.asarray(image)
    # Pillow spreads the values over all bits and makes signed ones positive.
    words = values.astype(np.uint16) >> np.uint16(values.dtype.itemsize * BYTE - precision)
    return (words.astype(np.int32) - (1 << precision - 1)).astype(np.uint16) if signed else words


def _decode_by_gdcm(frame: bytes, syntax: str, shape: FrameShape) -> Samples:
    header = read_jpeg_frame(frame)
    if header.kind not in (LOSSLESS, JPEG_LS):
        raise UnreadableImage(_DAMAGED)
    _check(header, shape)
    options = {
        "syntax": syntax,
        "rows": shape.rows,
        "columns": shape.columns,
        "samples_per_pixel": shape.samples,
        "number_of_frames": 1,
        "bits_allocated": BYTE if header.precision <= BYTE else _WORD,
        "bits_stored": header.precision,
        "pixel_representation": 0,
        "photometric_interpretation": shape.photometric,
        "planar_configuration": 0,
        "pixel_keyword": "PixelData",
    }
    return decode_isolated(frame, options)


def _check(header: JpegFrame, shape: FrameShape) -> None:
    said = (header.rows, header.columns, header.components)
    if said != (shape.rows, shape.columns, shape.samples) or not 1 < header.precision <= shape.bits_allocated:
        raise UnreadableImage(_CONTRADICTION)


def _decode_rle(frame: bytes, _syntax: str, shape: FrameShape) -> Samples:
    """RLE (DICOM PS3.5 annex G): one PackBits segment per byte of a sample, the high byte first."""
    depth = shape.bits_allocated // BYTE
    count = shape.samples * depth
    header = struct.unpack("<16L", frame[:_RLE_HEADER])
    if header[0] != count:
        raise UnreadableImage(_CONTRADICTION)
    starts = (*header[1 : count + 1], len(frame))
    size = shape.rows * shape.columns
    # No encoder needs two bytes for one; what has more only keeps the loop busy.
    planes = [_unpack_bits(frame[start : min(end, start + 2 * size)], size) for start, end in pairwise(starts)]
    samples = np.stack(planes).reshape(shape.samples, depth, shape.rows, shape.columns)
    if depth == 1:
        values = samples[:, 0]
        return values[0] if shape.samples == 1 else np.moveaxis(values, 0, -1)
    words = samples[:, 0] * np.uint16(1 << BYTE) + samples[:, 1]
    return words[0] if shape.samples == 1 else np.moveaxis(words, 0, -1)


def _unpack_bits(segment: bytes, size: int) -> npt.NDArray[np.uint8]:
    """Exactly `size` bytes; a segment cannot make more, however it repeats."""
    unpacked = bytearray()
    place = 0
    while len(unpacked) < size:
        control = segment[place]
        if control < _RLE_REPEAT:
            unpacked += segment[place + 1 : place + 2 + control]
            place += 2 + control
        elif control > _RLE_REPEAT:
            unpacked += segment[place + 1 : place + 2] * (257 - control)
            place += 2
        else:
            place += 1
    return np.frombuffer(unpacked, np.uint8, size)


_CODECS: dict[str, Callable[[bytes, str, FrameShape], Samples]] = {
    "1.2.840.10008.1.2.4.50": _decode_jpeg,
    "1.2.840.10008.1.2.4.51": _decode_jpeg,
    "1.2.840.10008.1.2.4.57": _decode_by_gdcm,
    "1.2.840.10008.1.2.4.70": _decode_by_gdcm,
    "1.2.840.10008.1.2.4.80": _decode_by_gdcm,
    "1.2.840.10008.1.2.4.81": _decode_by_gdcm,
    "1.2.840.10008.1.2.4.90": _decode_jpeg2000,
    "1.2.840.10008.1.2.4.91": _decode_jpeg2000,
    "1.2.840.10008.1.2.5": _decode_rle,
}
"""JPEG baseline and extended, lossless (twice), JPEG-LS (twice), JPEG 2000 (twice), RLE."""
