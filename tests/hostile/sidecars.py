"""Sidecars of 16-bit images, and label tables, of a BIMCV batch: they lie, are huge, or are not what they say.

An image whose sidecar is bad is still an image: it is accepted, and what is wrong stands among its problems.
"""

import base64
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import numpy as np

from tests.hostile import encoding as en
from tests.hostile.cases import ACCEPTED, Case, End, Files, Pixels, noted, quarantined

BATCH = "bimcv/sidecars"
_TREE = "covid19_posi"
_COLUMNS = ("Unnamed: 0", "PatientID", "ReportID", "Report", "Labels", "Localizations")
_NO_JSON, _TOO_LARGE = noted("no valid JSON"), noted("larger than 1,000,000 bytes")
_LUT, _WINDOW = noted("the VOI LUT in the sidecar is damaged"), noted("the window in the sidecar")
_RESCALE, _BLANK = noted("the rescale slope in the sidecar is 0"), quarantined("blank")

Tags = Mapping[str, Any]


def _tags(**tags: object) -> bytes:
    named = {
        name.removeprefix("t"): {"Value": value if isinstance(value, list) else [value]} for name, value in tags.items()
    }
    return json.dumps({"00280004": {"Value": ["MONOCHROME2"]}, **named}).encode()


def _window(centre: object, width: object) -> bytes:
    return _tags(t00281050=centre, t00281051=width)


def _lut(descriptor: list[object], data: object) -> bytes:
    return _tags(t00283010=[{"00283002": {"Value": descriptor}, "00283006": data}])


_RAMP = list(range(0, 65_536, 16))
_SIDECARS: dict[str, tuple[bytes | Callable[[], bytes], End]] = {
    "empty": (b"", _NO_JSON),
    "text": (b"see attachment", _NO_JSON),
    "nul bytes": (bytes(1_000), _NO_JSON),
    "100 MB": (lambda: b'{"a": "' + b"x" * 100_000_000 + b'"}', _TOO_LARGE),
    "100 MB of brackets": (lambda: b"[" * 100_000_000, _TOO_LARGE),
    "100,000 brackets": (b"[" * 100_000 + b"]" * 100_000, _NO_JSON),
    "100,000 braces": (b'{"a":' * 100_000, _NO_JSON),
    "a million empty lists": (b"[" + b"[]," * 300_000 + b"[]]", noted("no DICOM tags")),
    "a tag in 400 lists": (
        b'{"00280004": {"Value": ' + b"[" * 400 + b'"MONOCHROME2"' + b"]" * 400 + b"}}", ACCEPTED),
    "a list": (b"[1, 2]", noted("no DICOM tags")),
    "a null": (b"null", noted("no DICOM tags")),
    "tags of other types": (b'{"00280004": 5, "00281050": {"Value": {}}, "00101010": [[]]}', ACCEPTED),
    "UTF-16": (json.dumps({"00101010": {"Value": ["050Y"]}}).encode("utf-16"), ACCEPTED),
    "a byte order mark": (b"\xef\xbb\xbf" + _tags(), ACCEPTED),
    "bytes that are no text": (b'{"00080070": {"Value": ["\xff\xfe\xed"]}}', _NO_JSON),
    "half a character": (b'{"00080070": {"Value": ["\\ud800 \\udfff"]}}', ACCEPTED),
    "control characters": (_tags(t00080070="A\x00B\x1b[31m\u202eC\n"), ACCEPTED),
    "a manufacturer that is a formula": (_tags(t00080070='=HYPERLINK("http://example.org")'), ACCEPTED),
    "a number of 5,000 digits": (b'{"00281050": {"Value": [' + b"9" * 5_000 + b"]}}", _NO_JSON),
    "a number of 4,000 digits": (b'{"00281050": {"Value": [' + b"9" * 4_000 + b"]}}", ACCEPTED),
    "numbers that are none": (
        b'{"00281050": {"Value": [NaN]}, "00281051": {"Value": [1e999]}, "00281053": {"Value": [-Infinity]}}',
        ACCEPTED,
    ),
    "a window of no width": (_window(2_000, 0), _WINDOW),
    "a window of negative width": (_window(2_000, -5), _WINDOW),
    "a window without a width": (_tags(t00281050=2_000), _WINDOW),
    "a window of the largest numbers": (_window(1e308, 1.7e308), _BLANK),
    "a window of the smallest numbers": (_window(1e-308, 1e-308), ACCEPTED),
    "a slope of 0": (_tags(t00281053=0), _RESCALE),
    "a slope of the largest number": (_tags(t00281053=1.7e308), _BLANK),
    "a slope of the smallest number": (_tags(t00281053=5e-324), ACCEPTED),
    "an intercept of the largest number": (_tags(t00281052=1.7e308, t00281053=1), _BLANK),
    "many bits": (_tags(t00280101=1e308), ACCEPTED),
    "a LUT of 16 levels that tells of 4,096": (_lut([4_096, 0, 16], {"Value": _RAMP[:16]}), _LUT),
    "a LUT from 10 to the 3,000": (_lut([4_096, 10**3_000, 16], {"Value": _RAMP}), _LUT),
    "a LUT from minus 10 to the 30": (_lut([4_096, -(10**30), 16], {"Value": _RAMP}), _LUT),
    "a LUT of numbers of 3,000 digits": (_lut([4_096, 0, 16], {"Value": [10**3_000] * 20}), _LUT),
    "a LUT of lists": (_lut([2, 0, 16], {"Value": [[1, 2], [3]]}), _LUT),
    "a LUT of words": (_lut([2, 0, 16], {"Value": ["a", "b"]}), _LUT),
    "a LUT of truths": (_lut([2, 0, 16], {"Value": [True, False]}), _LUT),
    "a LUT that is no base64": (_lut([2, 0, 16], {"InlineBinary": "§§§§"}), _LUT),
    "a LUT of half a number": (_lut([1, 0, 16], {"InlineBinary": base64.b64encode(b"abc").decode()}), _LUT),
    "a LUT in a list of lists": (_tags(t00283010=[[[[5]]]]), _LUT),
    "a LUT of one level": (_lut([1, 0, 16], {"Value": [7]}), ACCEPTED),
    "an age of 999 years": (_tags(t00101010="999Y"), noted("age in the sidecar")),
    "an age with a script": (_tags(t00101010="<script>alert(1)</script>"), noted("age in the sidecar")),
}  # fmt: skip

_LABELS: dict[str, tuple[str, End]] = {
    "code": ("""__import__('os').system('touch evil')""", quarantined("no finding")),
    "code in a list": ("""["normal", __import__('os').system('touch evil')]""", quarantined("no finding")),
    "50,000 brackets": ("[" * 50_000 + "'normal'" + "]" * 50_000, ACCEPTED),
    "120,000 quotes": ("['" + "' " * 60_000, quarantined("no finding")),
    "100,000 items": ("[" + "'x', " * 20_000 + "'normal']", quarantined("no finding")),
    "a formula": ("""['=cmd|" /C calc"!A0']""", quarantined("no finding")),
}


def _files(number: int, sidecar: bytes, labels: str, picture: Pixels) -> Files:
    patient, session = f"S{number:05d}", f"E{number:05d}"
    stem = f"{_TREE}/sub-{patient}/ses-{session}/mod-rx/sub-{patient}_ses-{session}_run-1_bp-chest_vp-pa_dx"
    row = ("0", patient, session, "report", labels, "[]")
    return {
        f"{stem}.png": en.png(picture.astype(np.uint16) * 16),
        f"{stem}.json": sidecar,
        f"{_TREE}/derivatives/labels/labels_{number}.tsv": "\n".join(
            "\t".join(cells) for cells in (_COLUMNS, row)
        ).encode(),
    }


def _case(number: int, name: str, sidecar: bytes | Callable[[], bytes], labels: str, end: End) -> Case:
    def build(picture: Pixels) -> Files:
        return _files(number, sidecar() if callable(sidecar) else sidecar, labels, picture)

    (image,) = (file for file in _files(number, b"", "", np.zeros((1, 1), np.uint8)) if file.endswith(".png"))
    return Case(name, BATCH, build, {image: end})


_numbers = count(1)
CASES = (
    *(
        _case(next(_numbers), f"sidecar: {name}", sidecar, "['normal']", end)
        for name, (sidecar, end) in _SIDECARS.items()
    ),
    *(_case(next(_numbers), f"labels: {name}", _tags(), labels, end) for name, (labels, end) in _LABELS.items()),
)
