"""From the bytes of one image to canonical pixels: decoded once in its life, with what was done recorded."""

import io
import struct
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from xray_model.data.dicom.signature import is_dicom
from xray_model.data.quality import QualityFigures, measure_quality, perceptual_hash
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage

Pixels = npt.NDArray[np.uint8]

FORMATS = ("PNG", "JPEG")
MAXIMUM_PIXELS = 40_000_000
"""Largest image decoded: twice the largest BIMCV radiograph (4020 x 4891)."""
MAXIMUM_SCANS = 200
"""Passes of a progressive JPEG; real ones have 10, and each one walks the whole picture again."""
PERCENTILES = (0.5, 99.5)
"""Gray range kept where no window is given: ignores burned-in marks and dead pixels."""

_LEVELS = 65_536
_LARGE = 20_000_000
"""Pixels above which images are decoded one at a time, whatever the number of threads: one can take 8 bytes a pixel."""
_ONE_AT_A_TIME = Lock()
_SCAN = b"\xff\xda"
_PART = 2**20
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
class Content:
    """A decoded picture before it is described: uint8 `gray` [height, width], its longer side `side`."""

    gray: Pixels
    width: int
    """Of the file, as are the height, the bits and the mode."""
    height: int
    bits: int
    mode: str
    window_path: str
    inverted: bool


def decode_image(data: bytes, hints: DisplayHints, side: int) -> CanonicalImage:
    """Decode PNG, JPEG or DICOM bytes to canonical pixels, and describe them.

    Args:
        data: the file as it arrived.
        hints: what a sidecar says about the stored values; a DICOM file has its own.
        side: side of the canonical square, in pixels.

    Raises:
        UnreadableImage: as `read_content`.
    """
    content = read_content(data, hints, side)
    gray = content.gray
    quality = measure_quality(gray)
    facts = PixelFacts(
        width=content.width,
        height=content.height,
        bits=content.bits,
        mode=content.mode,
        window_path=content.window_path,
        inverted=content.inverted,
        phash=perceptual_hash(gray) if quality.std >= _LEAST_STRUCTURE else None,
        quality=quality,
    )
    return CanonicalImage(_pad(gray, side), facts)


def read_content(data: bytes, hints: DisplayHints, side: int) -> Content:
    """Decode PNG, JPEG or DICOM bytes to gray levels as they are looked at, fitted into a square of `side` pixels.

    Pillow decodes: on PNGs of 16 bits and 2 to 4 k and on JPEGs other libraries save at most a third of the time
    (`docs/decoding.md` has the figures), and it refuses files that are cut short, of which some make a gray picture.

    Raises:
        UnreadableImage: not a PNG, JPEG or DICOM file, damaged, cut short, animated, or larger than `MAXIMUM_PIXELS`.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    if is_dicom(data):
        return _read_dicom(data, side)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height, mode = image.width, image.height, image.mode
            if width * height > MAXIMUM_PIXELS:
                raise UnreadableImage(f"{width} x {height} pixels are more than the {MAXIMUM_PIXELS:,} allowed")
            if image.format == "PNG" and getattr(image, "n_frames", 1) > 1:
                raise UnreadableImage("the file is an animation of several pictures: send one X-ray a file")
            if image.format != "PNG" and data.count(_SCAN) > MAXIMUM_SCANS:
                raise UnreadableImage(f"the JPEG has more than {MAXIMUM_SCANS} scans, as one made to do harm has")
            # JPEG can be decoded at a fraction of its size; twice the target leaves the resampling to Pillow.
            image.draft("L", (2 * side, 2 * side))
            with _ONE_AT_A_TIME if width * height > _LARGE else nullcontext():
                gray, bits, window_path = _gray_levels(image, hints)
    except UnidentifiedImageError as error:
        raise UnreadableImage("the file is not a PNG, JPEG or DICOM image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage("the image is far larger than any radiograph") from error
    except _PILLOW_FAILURES as error:
        raise UnreadableImage("the image is damaged or cut short") from error
    if hints.monochrome1:
        gray = np.bitwise_not(gray)
    return Content(_fit(gray, side), width, height, bits, mode, window_path, hints.monochrome1)


def _read_dicom(data: bytes, side: int) -> Content:
    from xray_model.data.dicom.pixels import read_dicom  # not every batch has such files

    image = read_dicom(data, most_pixels=MAXIMUM_PIXELS)
    gray, window_path, inverted = image.values, "display", image.hints.monochrome1
    if gray.dtype != np.uint8:
        table, window_path = _lookup_table(gray, image.hints)
        gray = table[gray]
    if inverted:
        gray = np.bitwise_not(gray)
    height, width = gray.shape
    return Content(_fit(gray, side), width, height, image.bits_allocated, image.photometric, window_path, inverted)


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
    if hints.window is not None and (hints.window[1] > 1 or hints.window_function != "LINEAR"):
        return _apply_window(levels, *hints.window, hints.window_function), "window"
    # A part at a time: numpy turns what it counts into 8 bytes a pixel first.
    flat = values.ravel()
    parts = (flat[start : start + _PART] for start in range(0, flat.size, _PART))
    counts = np.cumsum(sum(np.bincount(part, minlength=_LEVELS) for part in parts))
    low_index, high_index = np.searchsorted(counts, np.asarray(PERCENTILES) / 100 * counts[-1])
    # A falling rescale slope turns the order of the levels round.
    low, high = sorted((levels[low_index], levels[high_index]))
    return _to_gray(levels, low, high), "percentiles"


def _apply_window(levels: npt.NDArray[np.float64], centre: float, width: float, function: str) -> Pixels:
    """Gray levels of a window (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        return _to_gray(1 / (1 + np.exp(np.clip(-4 * (levels - centre) / width, -50, 50))), 0.0, 1.0)
    if function == "LINEAR_EXACT":
        return _to_gray(levels, centre - width / 2, centre + width / 2)
    return _to_gray(levels, centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2)


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
