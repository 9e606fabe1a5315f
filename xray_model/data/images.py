"""From the bytes of one image to canonical pixels: decoded once in its life, with what was done recorded."""

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from xray_model.data.budget import PixelBudget
from xray_model.data.dicom.signature import is_dicom
from xray_model.data.quality import (
    QUALITY_FIGURES,
    QualityFigures,
    Sketch,
    measure_quality,
    perceptual_hashes,
    sketch_picture,
)
from xray_model.data.records import DisplayHints
from xray_model.data.scaled_jpeg import decode_jpeg, read_jpeg_header
from xray_model.data.windowing import LEVELS, apply_table, lookup_table
from xray_model.errors import UnreadableImage

Pixels = npt.NDArray[np.uint8]

FORMATS = ("PNG", "JPEG")
MAXIMUM_PIXELS = 40_000_000
"""Largest image decoded: twice the largest BIMCV radiograph (4020 x 4891)."""

_DECODING = PixelBudget(MAXIMUM_PIXELS, free=2_000_000)
_BYTE = 8
_LEAST_STRUCTURE = 4.0
"""Standard deviation of the gray levels below which a perceptual hash is noise."""
_EXIF, _EXIF_WITHIN = b"Exif\0\0", 1024
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a photograph upright whose EXIF orientation (tag 274) has a value; 1 stands upright."""
_PILLOW_FAILURES = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What is known of one image once it was decoded."""

    width: int
    height: int
    bits: int
    """8 or 16: the depth of the file's samples."""
    mode: str
    """Pillow's name for the file's pixel format (`L`, `I;16`, ...), or DICOM's (`MONOCHROME2`, ...)."""
    window_path: str
    """How stored values became gray: `voi_lut`, `window`, `percentiles` or `display` (8-bit, taken as it is)."""
    inverted: bool
    """Whether MONOCHROME1 was turned round."""
    phash: str | None
    """256-bit perceptual hash, 64 hex digits; None for a picture without structure, which resembles every other."""
    quality: QualityFigures


@dataclass(frozen=True, slots=True)
class CanonicalImage:
    """uint8 pixels [side, side], aspect kept by black padding, and the facts of the image they came from."""

    pixels: Pixels
    facts: PixelFacts


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of the file itself: the first fields of `PixelFacts`."""

    width: int
    height: int
    bits: int
    mode: str
    window_path: str
    inverted: bool


@dataclass(frozen=True, slots=True)
class Content:
    """A decoded picture before it is described."""

    gray: Pixels
    """uint8 [height, width], the longer side as long as was asked for."""
    file: FileFacts


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """What is known of an image whose pixels are in their place, before its figures are computed."""

    file: FileFacts
    sketch: Sketch


def decode_image(data: bytes, hints: DisplayHints, side: int) -> CanonicalImage:
    """Decode PNG, JPEG or DICOM bytes to canonical pixels, and describe them.

    Args:
        data: the file as it arrived.
        hints: what a sidecar says about the stored values; a DICOM file has its own.
        side: side of the canonical square, in pixels.

    Raises:
        UnreadableImage: as `read_content`.
    """
    pixels = np.zeros((side, side), np.uint8)
    facts = {name: column[0] for name, column in describe_images([decode_into(data, hints, pixels)]).items()}
    quality = QualityFigures(**{name: facts.pop(name) for name in QUALITY_FIGURES})
    return CanonicalImage(pixels, PixelFacts(**facts, quality=quality))


def decode_into(data: bytes, hints: DisplayHints, place: Pixels) -> DecodedImage:
    """Decode an image into the middle of black pixels, uint8 [side, side]; `describe_images` says how it looks.

    Raises:
        UnreadableImage: as `read_content`; the place is as it was.
    """
    side = len(place)
    content = read_content(data, hints, side)
    height, width = content.gray.shape
    top, left = (side - height) // 2, (side - width) // 2
    place[top : top + height, left : left + width] = content.gray
    return DecodedImage(content.file, sketch_picture(content.gray))


def describe_images(images: Sequence[DecodedImage]) -> dict[str, list[Any]]:
    """The facts of decoded images as columns: the fields of `PixelFacts`, and those of `QualityFigures` beside them.

    Of many at once: that costs a fifth of one after another.
    """
    sketches = [image.sketch for image in images]
    quality = measure_quality(sketches)
    hashes = zip(quality["std"], perceptual_hashes(sketches), strict=True)
    return {
        **{name: [getattr(image.file, name) for image in images] for name in FileFacts.__dataclass_fields__},
        "phash": [phash if std >= _LEAST_STRUCTURE else None for std, phash in hashes],
        **quality,
    }


def read_content(data: bytes, hints: DisplayHints, side: int) -> Content:
    """Decode PNG, JPEG or DICOM bytes to gray levels as they are looked at, fitted into a square of `side` pixels.

    Pillow says what is wrong with a file, refuses those that are cut short, and decodes all but most JPEGs, which
    libjpeg-turbo decodes at a fraction of their size (`docs/decoding.md` has the figures).

    Raises:
        UnreadableImage: not a PNG, JPEG or DICOM file, damaged, cut short, animated, or larger than `MAXIMUM_PIXELS`.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    if is_dicom(data):
        return _read_dicom(data, side)
    header = read_jpeg_header(data)
    if header and not (hints.window or hints.voi_lut or data.find(_EXIF, 0, _EXIF_WITHIN) > 0):
        _check_size(header.width, header.height)
        with _DECODING.hold(header.width * header.height):
            gray = decode_jpeg(data, header, side)
        if gray is not None:
            fitted = _fit(gray, side, invert=hints.monochrome1)
            return Content(
                fitted, FileFacts(header.width, header.height, _BYTE, header.mode, "display", hints.monochrome1)
            )
    return _read_with_pillow(data, hints, side)


def _read_with_pillow(data: bytes, hints: DisplayHints, side: int) -> Content:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height, mode = image.width, image.height, image.mode
            _check_size(width, height)
            if image.format == "PNG" and getattr(image, "n_frames", 1) > 1:
                raise UnreadableImage("the file is an animation of several pictures: send one X-ray a file")
            # A JPEG can be decoded at a fraction of its size; twice the target leaves the resampling to Pillow.
            image.draft("L", (2 * side, 2 * side))
            with _DECODING.hold(width * height):
                gray, bits, window_path = _gray_levels(image, hints)
                turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except UnidentifiedImageError as error:
        raise UnreadableImage("the file is not a PNG, JPEG or DICOM image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage("the image is far larger than any radiograph") from error
    except _PILLOW_FAILURES as error:
        raise UnreadableImage("the image is damaged or cut short") from error
    fitted = _fit(gray, side, invert=hints.monochrome1)
    upright = fitted if turn is None else np.asarray(Image.fromarray(fitted).transpose(turn))
    return Content(upright, FileFacts(width, height, bits, mode, window_path, hints.monochrome1))


def _check_size(width: int, height: int) -> None:
    if width * height > MAXIMUM_PIXELS:
        raise UnreadableImage(
            f"{width} x {height} pixels are more than the {MAXIMUM_PIXELS:,} allowed: far larger than any radiograph"
        )


def _read_dicom(data: bytes, side: int) -> Content:
    from xray_model.data.dicom.pixels import read_dicom  # not every batch has such files

    image = read_dicom(data, most_pixels=MAXIMUM_PIXELS)
    gray, window_path, inverted = image.values, "display", image.hints.monochrome1
    if gray.dtype != np.uint8:
        table, window_path = lookup_table(gray, image.hints)
        gray = apply_table(table, gray)
    height, width = gray.shape
    fitted = _fit(gray, side, invert=inverted)
    facts = FileFacts(width, height, image.bits_allocated, image.photometric, window_path, inverted)
    return Content(fitted, facts)


def _gray_levels(image: Image.Image, hints: DisplayHints) -> tuple[Pixels, int, str]:
    """Gray levels in the size of the file, its bits, and how its values became gray."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.dtype != np.uint16:
            values = np.clip(values, 0, LEVELS - 1).astype(np.uint16)
        table, window_path = lookup_table(values, hints)
        return apply_table(table, values), 16, window_path
    gray = np.asarray(image if image.mode == "L" else image.convert("L"))
    # A window speaks of stored values: for an 8-bit file it holds only where 8 bits were stored.
    if (hints.window or hints.voi_lut) and (hints.bits_stored or LEVELS) <= _BYTE:
        table, window_path = lookup_table(gray.astype(np.uint16), hints)
        return apply_table(table, gray), _BYTE, window_path
    return gray, _BYTE, "display"


def _fit(gray: Pixels, side: int, *, invert: bool) -> Pixels:
    height, width = gray.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if scale != 1:
        gray = np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    return np.bitwise_not(gray) if invert else gray
