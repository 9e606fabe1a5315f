"""Figures that say how images look, computed on their canonical content without the padding.

A sketch is taken of each picture while it is decoded; the figures of many are computed from their sketches at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from struct import Struct

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dct

from xray_model.data.inversion import UNIFORM, score_inversion

Pixels = npt.NDArray[np.uint8]

_HASH_INPUT = 64
_HASH_SIDE = 16
_COSINES = np.ascontiguousarray(dct(np.eye(_HASH_INPUT), axis=0, norm="ortho")[:_HASH_SIDE])
"""float64 [16, 64]: the lowest cosines, so that two products with it are the part of the transform that is kept."""
_LEVELS = np.arange(256.0)
_COUNTS = Struct("=256i")
_SMALLEST_NEIGHBOURHOOD = 3
_WHITE = 255
_SMALLEST_CHEST = 16
"""Pixels of a side below which a picture has no regions to compare."""


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """Gray levels run from 0 (black) to 255 (white)."""

    min: int
    max: int
    mean: float
    std: float
    entropy: float
    """Shannon entropy of the gray histogram, bits (0 to 8)."""
    sharpness: float
    """Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) on every second row, gray levels squared."""
    saturated: float
    """Share of pixels at 0 or 255."""
    border: float
    """Share of the image lost to uniform rows and columns at its edges."""
    aspect: float
    """Width over height."""
    inversion: float
    """Log odds that the image is a negative: above zero where black and white seem swapped."""


QUALITY_FIGURES = tuple(field.name for field in fields(QualityFigures))


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is kept of a picture to describe it: some 8 kB."""

    width: int
    height: int
    histogram: list[int]
    """Pixels of each of the 256 gray levels."""
    small: Pixels
    """uint8 [64, 64]: the means of equal parts, whatever the shape."""
    sharpness: float
    border: float


def sketch_picture(content: Pixels) -> Sketch:
    """Take what the figures need from uint8 pixels [height, width]."""
    picture = Image.fromarray(content)
    # Whole blocks of pixels are averaged first, which is exact where the side is a multiple of 64, and twice as fast.
    small = picture.resize((_HASH_INPUT, _HASH_INPUT), Image.Resampling.BOX, reducing_gap=1.0)
    return Sketch(
        width=picture.width,
        height=picture.height,
        histogram=picture.histogram(),
        small=np.asarray(small),
        sharpness=_laplacian_variance(content),
        border=_border_share(content),
    )


def measure_quality(sketches: Sequence[Sketch]) -> dict[str, list[float]]:
    """The figures of sketched pictures: a column for each field of `QualityFigures`."""
    if not sketches:
        return {name: [] for name in QUALITY_FIGURES}
    packed = b"".join(_COUNTS.pack(*sketch.histogram) for sketch in sketches)  # in half the time of `np.array`
    counts = np.frombuffer(packed, np.int32).reshape(len(sketches), -1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ _LEVELS
    std = np.sqrt(np.maximum(shares @ _LEVELS**2 - mean**2, 0))
    present = counts > 0
    entropy = -(shares * np.log2(shares, where=present, out=np.zeros_like(shares))).sum(axis=1)
    height, width, border = (
        np.array([getattr(sketch, name) for sketch in sketches]) for name in ("height", "width", "border")
    )
    inversion = score_inversion(np.array([sketch.small for sketch in sketches]), border > 0)
    columns = (
        present.argmax(axis=1),
        _WHITE - present[:, ::-1].argmax(axis=1),
        mean.round(4),
        std.round(4),
        entropy.round(4) + 0.0,  # no negative zero
        np.array([sketch.sharpness for sketch in sketches]).round(4),
        (shares[:, 0] + shares[:, _WHITE]).round(6),
        border.round(6),
        (width / height).round(6),
        np.where(np.minimum(height, width) < _SMALLEST_CHEST, 0.0, inversion).round(4),
    )
    return {name: column.tolist() for name, column in zip(QUALITY_FIGURES, columns, strict=True)}


def perceptual_hashes(sketches: Sequence[Sketch]) -> list[str]:
    """256-bit DCT hash (Zauner, 2010) of each sketched picture, as 64 hex digits.

    The lowest 16 x 16 cosine coefficients of the image at 64 x 64, each against their median: images that
    differ by scale, compression or a little contrast differ in few bits. The usual 64 bits are too few for
    chest X-rays, which all look alike: `identity.NEAR_DUPLICATE_BITS` has the figures.
    """
    if not sketches:
        return []
    small = np.array([sketch.small for sketch in sketches], dtype=np.float64)
    spectra = (_COSINES @ small @ _COSINES.T).reshape(len(sketches), -1)
    bits = spectra > np.median(spectra[:, 1:], axis=1, keepdims=True)
    return [packed.tobytes().hex() for packed in np.packbits(bits, axis=1)]


def _laplacian_variance(content: Pixels) -> float:
    """Of the inner pixels of every second row; zero for a picture that has none."""
    width = content.shape[1]
    if min(content.shape) < _SMALLEST_NEIGHBOURHOOD:
        return 0.0
    # Rows one below the other make one long line, so that neighbours are reached without a copy.
    middle = content[1:-1:2].astype(np.int16)
    edges = 4 * middle
    edges -= content[:-2:2]
    edges -= content[2::2]
    line, flat = middle.ravel(), edges.ravel()
    flat[1:] -= line[:-1]
    flat[:-1] -= line[1:]
    edges[:, 0] = edges[:, -1] = 0  # their neighbours lie at the other end of the row
    values = flat.astype(np.float32)
    inner = len(middle) * (width - 2)
    mean: float = values.sum().item() / inner
    squares: float = np.vdot(values, values).item() / inner
    return squares - mean * mean


def _border_share(content: Pixels) -> float:
    top, bottom = _uniform_lines(content), _uniform_lines(content[::-1])
    left, right = _uniform_lines(content.T), _uniform_lines(content.T[::-1])
    height, width = content.shape
    kept = max(0, height - top - bottom) * max(0, width - left - right)
    return float(1 - kept / content.size)


def _uniform_lines(content: Pixels) -> int:
    """How many rows from the first on are uniform; one after another, for most pictures have none."""
    for number, line in enumerate(content):
        if int(np.maximum.reduce(line)) - int(np.minimum.reduce(line)) > UNIFORM:
            return number
    return len(content)
