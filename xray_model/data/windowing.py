"""How stored values become gray levels: VOI LUT, window or percentiles."""

from typing import Any

import numpy as np
import numpy.typing as npt

from xray_model.data.records import DisplayHints

Pixels = npt.NDArray[np.uint8]

LEVELS = 65_536
"""Stored values that a table has an entry for."""
PERCENTILES = (0.5, 99.5)
"""Gray range kept where no window is given: ignores burned-in marks and dead pixels."""

_ROWS = 512
"""Rows of a large picture whose values are counted: of four million of them the percentiles are as certain."""
_PART = 2**18


def apply_table(table: Pixels, values: npt.NDArray[np.unsignedinteger[Any]]) -> Pixels:
    """The entry of a table, uint8 [65536], for each stored value, in the shape of the values."""
    flat = values.ravel()
    gray = np.empty(flat.size, np.uint8)
    for start in range(0, flat.size, _PART):  # a part at a time, for numpy turns indices into 8 bytes each
        np.take(table, flat[start : start + _PART], out=gray[start : start + _PART], mode="clip")
    return gray.reshape(values.shape)


def lookup_table(values: npt.NDArray[np.uint16], hints: DisplayHints) -> tuple[Pixels, str]:
    """uint8 [65536]: one gray level per stored value, as DICOM PS3.3 C.11.2 maps them, and the path taken."""
    slope, intercept = hints.rescale
    levels = np.arange(LEVELS, dtype=np.float64) * slope + intercept
    if hints.voi_lut is not None and len(hints.voi_lut[1]) > 1:
        first, entries = hints.voi_lut
        output = np.asarray(entries, dtype=np.float64)
        index = np.clip(levels - first, 0, len(output) - 1).astype(np.int64)
        return _to_gray(output[index], output.min(), output.max()), "voi_lut"
    if hints.window is not None and (hints.window[1] > 1 or hints.window_function != "LINEAR"):
        return _apply_window(levels, *hints.window, hints.window_function), "window"
    # A part at a time: numpy turns what it counts into 8 bytes a pixel first.
    flat = values[:: max(1, len(values) // _ROWS)].ravel()
    parts = (flat[start : start + _PART] for start in range(0, flat.size, _PART))
    counts = np.cumsum(sum(np.bincount(part, minlength=LEVELS) for part in parts))
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
