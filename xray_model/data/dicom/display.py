"""How stored values become gray, as a DICOM header says it: rescaling, window and lookup tables."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from xray_model.data.dicom.parsing import bytes_of, first_item, integers_of, text_of
from xray_model.data.records import DisplayHints
from xray_model.errors import InvalidInput

PHOTOMETRIC = 0x00280004
BITS_STORED = 0x00280101
SIGNED = 0x00280103
_CENTRE, _WIDTH = 0x00281050, 0x00281051
_INTERCEPT, _SLOPE = 0x00281052, 0x00281053
_FUNCTION = 0x00281056
_MODALITY_LUT, _VOI_LUT = 0x00283000, 0x00283010
_DESCRIPTOR, _DATA = 0x00283002, 0x00283006

DISPLAY_TAGS = (PHOTOMETRIC, BITS_STORED, SIGNED, _CENTRE, _WIDTH, _INTERCEPT, _SLOPE, _FUNCTION)
LUT_TAGS = (_MODALITY_LUT, _VOI_LUT)

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_MOST_BITS = 16
_LEVELS = 1 << _MOST_BITS
_HALF = _LEVELS // 2

Words = npt.NDArray[np.uint16]
Lut = tuple[int, Words]
"""The first value mapped (as an unsigned 16-bit word), and the entries."""


def read_display(dataset: Dataset, problems: list[str]) -> DisplayHints:
    """The display hints of a header but for its lookup tables; the rescaling is of values as they are stored.

    Args:
        dataset: with `DISPLAY_TAGS`.
        problems: is told what is wrong with them.
    """
    bits = integers_of(dataset, BITS_STORED)[:1]
    centre, width = _number(dataset, _CENTRE), _number(dataset, _WIDTH)
    window = None if centre is None or width is None or width <= 0 else (centre, width)
    if window is None and (centre, width) != (None, None):
        problems.append("the window in the DICOM header is incomplete or not positive and is not used")
    slope, intercept = _number(dataset, _SLOPE), _number(dataset, _INTERCEPT)
    if slope == 0:
        problems.append("the rescale slope in the DICOM header is 0 and is not used")
        slope = intercept = None
    function = text_of(dataset, _FUNCTION).upper()
    return DisplayHints(
        monochrome1=text_of(dataset, PHOTOMETRIC).upper() == "MONOCHROME1",
        window=window,
        rescale=(1.0 if slope is None else slope, 0.0 if intercept is None else intercept),
        bits_stored=bits[0] if bits and 1 <= bits[0] <= _MOST_BITS else None,
        window_function=function if function in _FUNCTIONS else "LINEAR",
    )


def shift_hints(hints: DisplayHints, offset: int) -> DisplayHints:
    """Hints for values that were made non-negative by adding `offset`."""
    slope, intercept = hints.rescale
    return replace(hints, rescale=(slope, intercept - slope * offset))


def add_voi_lut(hints: DisplayHints, dataset: Dataset) -> DisplayHints:
    """Hints with the VOI LUT of a header, where it has a sound one; `hints` must be those of the shifted values.

    Its first value may be negative. Whether it is cannot be told by its value representation, which many devices
    write wrongly: it is where the lowest level is.
    """
    lut = _lut_of(dataset, _VOI_LUT)
    if lut is None or hints.bits_stored is None:
        return hints
    first, entries = lut
    slope, intercept = hints.rescale
    lowest = min(intercept, intercept + slope * ((1 << hints.bits_stored) - 1))
    if lowest < 0 and first >= _HALF:
        first -= _LEVELS
    return replace(hints, voi_lut=(first, tuple(entries.tolist())))


def apply_modality_lut(values: Words, offset: int, hints: DisplayHints, dataset: Dataset) -> tuple[Words, DisplayHints]:
    """Values after the Modality LUT, which stands in for rescaling (DICOM PS3.3 C.11.1), and hints that fit them.

    Args:
        values: uint16, made non-negative by adding `offset`.
        offset: see there.
        hints: for these values.
        dataset: with `LUT_TAGS`.
    """
    lut = _lut_of(dataset, _MODALITY_LUT)
    if lut is None:
        return values, hints
    first, entries = lut
    if offset and first >= _HALF:
        first -= _LEVELS
    place = np.clip(np.arange(_LEVELS) - offset - first, 0, len(entries) - 1)
    bits = max(1, int(entries.max()).bit_length())
    return entries[place][values], replace(hints, rescale=(1.0, 0.0), bits_stored=bits)


def read_lut(dataset: Dataset, descriptor: int, data: int) -> Lut | None:
    """A lookup table by the tags of its descriptor and its entries (8 or 16 bits each); None where it is not sound."""
    described = integers_of(dataset, descriptor)
    raw, little = bytes_of(dataset, data)
    if len(described) < 2 or not raw:  # noqa: PLR2004 (number of entries, first value)
        return None
    count = described[0] or _LEVELS
    words = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)
    if len(words) == -(-count // 2) and count > 1:
        words = words.view(np.uint8).astype(np.uint16)
    return (described[1], words[:count]) if len(words) >= count else None


def _lut_of(dataset: Dataset, tag: int) -> Lut | None:
    try:
        item = first_item(dataset, tag)
    except InvalidInput:
        return None
    return None if item is None else read_lut(item, _DESCRIPTOR, _DATA)


def _number(dataset: Dataset, tag: int) -> float | None:
    try:
        number = float(text_of(dataset, tag))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
