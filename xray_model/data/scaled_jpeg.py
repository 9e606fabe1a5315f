"""JPEGs decoded straight at the size that is wanted: scaling in the transform costs less than decoding at full size."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import simplejpeg

from xray_model.errors import UnreadableImage

Pixels = npt.NDArray[np.uint8]

MAXIMUM_SCANS = 200
"""Passes of a progressive JPEG; real ones have 10, and each one walks the whole picture again."""

_START = b"\xff\xd8\xff"
_SCAN = b"\xff\xda"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEGMENTS = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
"""Markers before the frame that a length follows: tables, restart interval, applications' own, comments."""
_MARK, _SHORTEST = 0xFF, 2
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_MODES = {"Gray": "L", "YCbCr": "RGB"}
"""Colour spaces with a gray plane of their own, and Pillow's names for the pixels they make."""
_EIGHTHS = 8
_ROOM = 1.5
"""Times the wanted side that is decoded at least, unless it can be met exactly: what resampling needs to stay sharp."""


class JpegHeader(NamedTuple):
    """What the header of a JPEG says."""

    width: int
    height: int
    mode: str
    """Pillow's name for the pixel format, `L` or `RGB`."""


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """The header of a gray or YCbCr JPEG that libjpeg-turbo finds in order; None for any other file.

    Raises:
        UnreadableImage: it has more than `MAXIMUM_SCANS` scans.
    """
    if not data.startswith(_START):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        height, width, colours = 0, 0, "unknown"
    # A gray picture that is not progressive ends with its one scan, and counting takes a twentieth of the decoding.
    if (colours != "Gray" or _frame_marker(data) not in _SEQUENTIAL) and data.count(_SCAN) > MAXIMUM_SCANS:
        raise UnreadableImage(f"the JPEG has more than {MAXIMUM_SCANS} scans, as one made to do harm has")
    return JpegHeader(width, height, _MODES[colours]) if colours in _MODES else None


def decode_jpeg(data: bytes, header: JpegHeader, side: int) -> Pixels | None:
    """Its gray levels, uint8 [height, width], the longer side `side` or some more; None where it is not in order.

    libjpeg-turbo scales by eighths while it transforms back, which smooths as it should.
    """
    least = _least_side(max(header.width, header.height), side)
    wide = header.width >= header.height
    try:
        gray: Pixels = simplejpeg.decode_jpeg(
            data, "GRAY", min_width=least if wide else 0, min_height=0 if wide else least, strict=True
        )
    except ValueError:
        return None
    return gray[:, :, 0]


def _frame_marker(data: bytes) -> int:
    """The marker that says how the picture is coded (ISO 10918-1, table B.1).

    0 where the segments before it are not as plain as writers make them: who hides a marker is not taken at his word.
    """
    place = 2
    while place + 4 <= len(data) and data[place] == _MARK:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if marker in _FRAMES:
            return marker
        if marker not in _SEGMENTS or length < _SHORTEST:
            return 0
        place += 2 + length
    return 0


def _least_side(longer: int, side: int) -> int:
    """The longer side asked for: `side` itself where scaling by eighths meets it, else with room to resample."""
    sides = [-(-longer * eighths // _EIGHTHS) for eighths in range(1, _EIGHTHS + 1)]
    return side if side in sides else min(longer, round(_ROOM * side))
