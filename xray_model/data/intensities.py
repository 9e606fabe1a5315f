"""How gray the pixels of an image are, its padding left out."""

import numpy as np
import numpy.typing as npt

LEVELS = 256
BINS = 32
"""Bars of a histogram, 8 gray levels each."""


def crop_padding(pixels: npt.NDArray[np.uint8], aspect: float) -> npt.NDArray[np.uint8]:
    """The picture within canonical pixels uint8 [side, side], of which `aspect` is width over height.

    All of them where the aspect is not known.
    """
    side = len(pixels)
    if not (np.isfinite(aspect) and aspect > 0):
        return pixels
    width, height = max(1, round(side * min(1.0, aspect))), max(1, round(side / max(1.0, aspect)))
    top, left = (side - height) // 2, (side - width) // 2
    return pixels[top : top + height, left : left + width]


def measure_levels(pixels: npt.NDArray[np.uint8], aspect: float) -> npt.NDArray[np.float64]:
    """Shares of the picture's pixels by gray level, float64 [256], which sum to 1."""
    content = crop_padding(pixels, aspect)
    return np.bincount(content.ravel(), minlength=LEVELS) / content.size


def find_level(shares: npt.NDArray[np.float64], part: float) -> int:
    """The gray level up to which `part` of the pixels lie, of shares by level [256]."""
    return int(np.searchsorted(np.cumsum(shares), part * shares.sum() - 1e-12))
