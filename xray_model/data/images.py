"""From the bytes of one image to canonical pixels: decoded once in its life, with what was done recorded."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from xray_model.data.quality import QualityFigures, measure_quality, perceptual_hash
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage

Pixels = npt.NDArray[np.uint8]

FORMATS = ("PNG", "JPEG")
MAXIMUM_PIXELS = 64_000_000
"""Largest image decoded: three times the largest BIMCV radiograph (4020 x 4891)."""
PERCENTILES = (0.5, 99.5)
"""Gray range kept where no window is given: ignores burned-in marks and dead pixels."""

_LEVELS = 65_536
_BYTE = 8
_LEAST_STRUCTURE = 4.0
"""Standard deviation of the gray levels below which a perceptual hash is noise."""
_PILLOW_FAILURES = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What is known of one image once it was decoded."""

    width: int
    height: int
    bits: int
    """8 or 16: the depth of the file's samples."""
    mode: str
    """Pillow's name for the file's pixel format (`L`, `I;16`, `RGB`, ...)."""
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


def decode_image(data: bytes, hints: DisplayHints, side: int) -> CanonicalImage:
    """Decode PNG or JPEG bytes to canonical pixels.

    Args:
        data: the file as it arrived.
        hints: what a sidecar says about the stored values.
        side: side of the canonical square, in pixels.

    Raises:
        UnreadableImage: not a PNG or JPEG, damaged, cut short, or larger than `MAXIMUM_PIXELS`.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height, mode = image.width, image.height, image.mode
            if width * height > MAXIMUM_PIXELS:
                raise UnreadableImage(f"{width} x {height} pixels are more than the {MAXIMUM_PIXELS:,} allowed")
            # JPEG can be decoded at a fraction of its size; twice the target leaves the resampling to Pillow.
            image.draft("L", (2 * side, 2 * side))
            gray, bits, window_path = _gray_levels(image, hints)
    except UnidentifiedImageError as error:
        raise UnreadableImage("the file is not a PNG or JPEG image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage("the image is far larger than any radiograph") from error
    except _PILLOW_FAILURES as error:
        raise UnreadableImage("the image is damaged or cut short") from error
    if hints.monochrome1:
        gray = np.bitwise_not(gray)
    content = _fit(gray, side)
    quality = measure_quality(content)
    facts = PixelFacts(
        width=width,
        height=height,
        bits=bits,
        mode=mode,
        window_path=window_path,
        inverted=hints.monochrome1,
        phash=perceptual_hash(content) if quality.std >= _LEAST_STRUCTURE else None,
        quality=quality,
    )
    return CanonicalImage(_pad(content, side), facts)


def _gray_levels(image: Image.Image, hints: DisplayHints) -> tuple[Pixels, int, str]:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.dtype != np.uint16:
            values = np.clip(values, 0, _LEVELS - 1).astype(np.uint16)
        table, window_path = _lookup_table(values, hints)
        return table[values], 16, window_path
    gray = np.asarray(image.convert("L"))
    # A window speaks of stored values: for an 8-bit file it holds only where 8 bits were stored.
    if (hints.window or hints.voi_lut) and (hints.bits_stored or _LEVELS) <= _BYTE:
        table, window_path = _lookup_table(gray.astype(np.uint16), hints)
        return table[gray], 8, window_path
    return gray, 8, "display"


def _lookup_table(values: npt.NDArray[np.uint16], hints: DisplayHints) -> tuple[Pixels, str]:
    """uint8 [65536]: one gray level per stored value, as DICOM PS3.3 C.11.2 maps them, and the path taken."""
    slope, intercept = hints.rescale
    levels = np.arange(_LEVELS, dtype=np.float64) * slope + intercept
    if hints.voi_lut is not None and len(hints.voi_lut[1]) > 1:
        first, entries = hints.voi_lut
        output = np.asarray(entries, dtype=np.float64)
        index = np.clip(levels - first, 0, len(output) - 1).astype(np.int64)
        return _to_gray(output[index], output.min(), output.max()), "voi_lut"
    if hints.window is not None and hints.window[1] > 1:
        centre, width = hints.window
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
        return _to_gray(levels, low, high), "window"
    counts = np.cumsum(np.bincount(values.ravel(), minlength=_LEVELS))
    low_index, high_index = np.searchsorted(counts, np.asarray(PERCENTILES) / 100 * counts[-1])
    # A falling rescale slope turns the order of the levels round.
    low, high = sorted((levels[low_index], levels[high_index]))
    return _to_gray(levels, low, high), "percentiles"


def _to_gray(levels: npt.NDArray[np.float64], low: float, high: float) -> Pixels:
    span = high - low
    if span == 0:
        return np.where(levels > low, 255, 0).astype(np.uint8)
    gray: Pixels = np.rint(np.clip((levels - low) / span, 0, 1) * 255).astype(np.uint8)
    return gray


def _fit(gray: Pixels, side: int) -> Pixels:
    height, width = gray.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = Image.fromarray(gray).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(resized)


def _pad(content: Pixels, side: int) -> Pixels:
    height, width = content.shape
    top, left = (side - height) // 2, (side - width) // 2
    canvas = np.zeros((side, side), np.uint8)
    canvas[top : top + height, left : left + width] = content
    return canvas
