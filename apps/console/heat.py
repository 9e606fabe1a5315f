"""A heat map as a picture that lies over the X-ray: colour and opacity grow with its strength."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

COLOURS = ("#0d0887", "#7e03a8", "#cc4778", "#f89540", "#f0f921")
"""Matplotlib's `plasma` at 0, 1/4, 1/2, 3/4 and 1: its lightness only grows, so that everybody tells strong from weak
(Nunez, Anderton and Renslow 2018), and it has no gray that an X-ray could have."""


def draw_heat(heat: npt.NDArray[np.float32]) -> bytes:
    """A PNG with transparency of float32 [side, side]: 0 is not seen at all, 1 covers the X-ray."""
    strength = np.clip(heat, 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(COLOURS))
    levels = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in COLOURS])
    channels = [np.interp(strength, stops, levels[:, channel]) for channel in range(3)]
    pixels = np.rint(np.stack([*channels, 255 * strength], axis=-1)).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG")
    return buffer.getvalue()
