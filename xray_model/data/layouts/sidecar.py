"""The DICOM-JSON file beside a BIMCV image: the tags that are used, and nothing that names a person.

A tag stands as `"00280004": {"vr": "CS", "Value": ["MONOCHROME2"]}` (DICOM PS3.18 annex F). Any of it may be
missing, of another type or nested; the birth date (0010,0030) and the name are never looked at.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from xray_model.data.layouts.cells import plain_text, read_age, read_date, read_sex, read_view
from xray_model.data.records import DisplayHints

MAX_LUT_ENTRIES = 10_000_000
"""Kept of all different VOI LUTs of a batch: 80 MB, or 2,400 tables of 12 bits; a device uses few."""
MAX_SIDECAR_BYTES = 1_000_000
"""A sidecar with a VOI LUT of 65,536 entries stays below; BIMCV's own are a few kilobytes."""

_STUDY_DATE = "00080020"
_MODALITY = "00080060"
_MANUFACTURER = "00080070"
_SEX = "00100040"
_AGE = "00101010"
_VIEW = "00185101"
_PHOTOMETRIC = "00280004"
_BITS_STORED = "00280101"
_WINDOW_CENTRE, _WINDOW_WIDTH = "00281050", "00281051"
_INTERCEPT, _SLOPE = "00281052", "00281053"
_VOI_LUT, _LUT_DESCRIPTOR, _LUT_DATA = "00283010", "00283002", "00283006"

_MOST_BITS = 16
_ENTRIES = tuple(range(1 << _MOST_BITS))
"""One object for each entry a VOI LUT can have: a number of its own would take four times its place in a table."""
_MANUFACTURER_LENGTH = 64

VoiLut = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What one sidecar says."""

    study_date: date | None = None
    """Used to order studies; not kept in a record."""
    modality: str | None = None
    manufacturer: str | None = None
    sex: str | None = None
    age: float | None = None
    """Years."""
    view: str | None = None
    display: DisplayHints = field(default_factory=DisplayHints)
    problems: tuple[str, ...] = ()


class VoiLuts:
    """The VOI LUTs of a batch: images of one device share one table, and all tables together have a limit."""

    def __init__(self) -> None:
        self._kept: dict[VoiLut, VoiLut] = {}
        self._entries = 0

    def keep(self, lut: VoiLut) -> VoiLut | None:
        """The table as it is kept; None where it is a new one and there is no room for it."""
        if lut not in self._kept and self._entries + len(lut[1]) <= MAX_LUT_ENTRIES:
            self._kept[lut] = lut
            self._entries += len(lut[1])
        return self._kept.get(lut)


def read_sidecar(data: bytes, luts: VoiLuts | None = None) -> Sidecar:
    """Read a sidecar; whatever is wrong with it becomes a problem, never an exception.

    Args:
        data: the file.
        luts: those of the batch so far.
    """
    if len(data) > MAX_SIDECAR_BYTES:
        return Sidecar(problems=(f"the sidecar is larger than {MAX_SIDECAR_BYTES:,} bytes and was not read",))
    try:
        tags = json.loads(data)
    except (ValueError, RecursionError):
        return Sidecar(problems=("the sidecar is no valid JSON",))
    if not isinstance(tags, dict):
        return Sidecar(problems=("the sidecar holds no DICOM tags",))
    problems: list[str] = []
    display = _read_display(tags, problems, luts or VoiLuts())
    age = _text(tags, _AGE)
    if age and read_age(age) is None:
        problems.append("the age in the sidecar is no number of years, months, weeks or days")
    return Sidecar(
        study_date=read_date(_text(tags, _STUDY_DATE)),
        modality=_text(tags, _MODALITY).upper() or None,
        manufacturer=plain_text(_text(tags, _MANUFACTURER), _MANUFACTURER_LENGTH),
        sex=read_sex(_text(tags, _SEX)),
        age=read_age(age),
        view=read_view(_text(tags, _VIEW)),
        display=display,
        problems=tuple(problems),
    )


def _read_display(tags: Mapping[str, object], problems: list[str], luts: VoiLuts) -> DisplayHints:
    centre, width = _number(tags, _WINDOW_CENTRE), _number(tags, _WINDOW_WIDTH)
    if centre is None and width is None:
        window = None
    elif centre is None or width is None or width <= 0:
        problems.append("the window in the sidecar is incomplete or not positive and is not used")
        window = None
    else:
        window = (centre, width)
    slope, intercept = _number(tags, _SLOPE), _number(tags, _INTERCEPT)
    if slope == 0:
        problems.append("the rescale slope in the sidecar is 0 and is not used")
        slope = intercept = None
    bits = _number(tags, _BITS_STORED)
    lut = _read_lut(tags, problems)
    kept = luts.keep(lut) if lut else None
    if lut and not kept:
        problems.append("the batch has more different VOI LUTs than are kept, and the one in the sidecar is not used")
    return DisplayHints(
        monochrome1=_text(tags, _PHOTOMETRIC).upper() == "MONOCHROME1",
        window=window,
        rescale=(1.0 if slope is None else slope, 0.0 if intercept is None else intercept),
        voi_lut=kept,
        bits_stored=int(bits) if bits is not None and 1 <= bits <= _MOST_BITS else None,
    )


def _read_lut(tags: Mapping[str, object], problems: list[str]) -> VoiLut | None:
    item = _values(tags, _VOI_LUT)[:1]
    if not item:
        return None
    sequence = item[0]
    if isinstance(sequence, dict):
        # JSON's true and false are ints to Python, and no numbers of entries.
        descriptor = [number for number in _values(sequence, _LUT_DESCRIPTOR)[:2] if type(number) is int]
        table = _lut_entries(sequence)
        fits = descriptor[1:] and -(1 << _MOST_BITS) < descriptor[1] < 1 << _MOST_BITS
        if table and fits and len(table) == (descriptor[0] or 1 << _MOST_BITS):
            return descriptor[1], table
    problems.append("the VOI LUT in the sidecar is damaged and is not used")
    return None


def _lut_entries(sequence: Mapping[str, object]) -> tuple[int, ...]:
    tag = sequence.get(_LUT_DATA)
    inline = tag.get("InlineBinary") if isinstance(tag, dict) else None
    if isinstance(inline, str):
        try:
            data = base64.b64decode(inline, validate=True)
        except ValueError:  # no base64, or no ASCII
            return ()
        return () if len(data) % 2 else tuple(map(_ENTRIES.__getitem__, np.frombuffer(data, "<u2").tolist()))
    try:
        entries = np.array(_values(sequence, _LUT_DATA))
    except ValueError:  # lists of different lengths
        return ()
    fits = entries.ndim == 1 and entries.dtype.kind == "i" and entries.min() >= 0 and entries.max() < 1 << _MOST_BITS
    return tuple(map(_ENTRIES.__getitem__, entries.tolist())) if fits else ()


def _values(tags: Mapping[str, object], tag: str) -> list[object]:
    """All values of a tag; a list around the list is taken off."""
    tagged = tags.get(tag)
    found = tagged.get("Value") if isinstance(tagged, dict) else tagged
    while isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if isinstance(found, list):
        return found
    return [] if found is None else [found]


def _first(tags: Mapping[str, object], tag: str) -> object:
    """The first value of a tag, out of however many lists."""
    found = tags.get(tag)
    if isinstance(found, dict):
        found = found.get("Value")
    while isinstance(found, list):
        found = found[0] if found else None
    return found


def _text(tags: Mapping[str, object], tag: str) -> str:
    first = _first(tags, tag)
    return str(first).strip() if isinstance(first, str | int | float) else ""


def _number(tags: Mapping[str, object], tag: str) -> float | None:
    first = _first(tags, tag)
    if isinstance(first, str):
        first = first.split("\\", maxsplit=1)[0].strip()
    if isinstance(first, bool) or not isinstance(first, str | int | float):
        return None
    try:
        number = float(first)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
