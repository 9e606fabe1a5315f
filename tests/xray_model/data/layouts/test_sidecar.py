"""The DICOM-JSON beside a BIMCV image."""

import base64
import json
import struct
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.layouts.sidecar import MAX_SIDECAR_BYTES, Sidecar, VoiLuts, read_sidecar
from xray_model.data.records import DisplayHints

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Value", "InlineBinary", "00283002"]), inner),
)
USED_TAGS = st.sampled_from(
    ["00080020", "00080070", "00100040", "00101010", "00185101", "00280101", "00281050", "00281051", "00283010"]
)


def sidecar(tags: Mapping[str, Any]) -> bytes:
    """A sidecar with these values by tag."""
    return json.dumps({tag: {"vr": "XX", "Value": value} for tag, value in tags.items()}).encode()


def lut(descriptor: list[Any], data: object) -> list[Any]:
    """The value of a VOI LUT sequence."""
    return [{"00283002": {"Value": descriptor}, "00283006": data}]


def test_all_used_tags() -> None:
    """Every tag that is used comes out in the terms of a record."""
    read = read_sidecar(
        sidecar(
            {
                "00080020": ["20200315"],
                "00080060": ["DX"],
                "00080070": [" GMM "],
                "00100040": ["F"],
                "00101010": ["063Y"],
                "00185101": ["PA"],
                "00280004": ["MONOCHROME1"],
                "00280101": [12],
                "00281050": [2048],
                "00281051": [4096],
                "00281052": ["-1024"],
                "00281053": ["2"],
            }
        )
    )
    assert read == Sidecar(
        study_date=date(2020, 3, 15),
        modality="DX",
        manufacturer="GMM",
        sex="F",
        age=63.0,
        view="PA",
        display=DisplayHints(monochrome1=True, window=(2048, 4096), rescale=(2, -1024), bits_stored=12),
    )


def test_birth_date_and_name_are_never_read() -> None:
    """Nothing of the tags that identify a person is kept."""
    read = read_sidecar(sidecar({"00100030": ["19570102"], "00100010": [{"Alphabetic": "Doe^J"}], "00100020": ["77"]}))
    assert read == Sidecar()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no valid JSON"),
        (b"{", "no valid JSON"),
        (b"\xff\xfe\xfa", "no valid JSON"),
        (b"[" * 100_000, "no valid JSON"),
        (b"9" * 10_000, "no valid JSON"),
        (b"[]", "no DICOM tags"),
        (b'"text"', "no DICOM tags"),
        (b'{"a": "' + b" " * MAX_SIDECAR_BYTES + b'"}', "larger than 1,000,000 bytes"),
    ],
)
def test_broken_sidecar(data: bytes, problem: str) -> None:
    """A sidecar that is no sidecar leaves everything unknown, with the reason."""
    (found,) = read_sidecar(data).problems
    assert problem in found


@pytest.mark.parametrize(
    ("centre", "width", "window"),
    [
        ([2048], [4096], (2048, 4096)),
        ([2048, 1000], [4096, 3000], (2048, 4096)),
        (["2048\\1000"], ["4096\\3000"], (2048, 4096)),
        ([[["2048.5"]]], [[[10]]], (2048.5, 10)),
        (2048, 4096, (2048, 4096)),
        ([], [], None),
        (None, None, None),
    ],
)
def test_window(centre: object, width: object, window: tuple[float, float] | None) -> None:
    """The first of several windows is taken, however deep it is nested; none is no problem."""
    read = read_sidecar(sidecar({"00281050": centre, "00281051": width}))
    assert read.display.window == window
    assert read.problems == ()


@pytest.mark.parametrize(
    ("centre", "width"), [([2048], None), ([2048], [0]), ([2048], [-5]), (["x"], [4096]), ([2048], [10**400])]
)
def test_window_that_is_none(centre: object, width: object) -> None:
    """Half a window, or one that is not positive, is not used, and that is said."""
    read = read_sidecar(sidecar({"00281050": centre, "00281051": width}))
    assert read.display.window is None
    assert read.problems == ("the window in the sidecar is incomplete or not positive and is not used",)


@pytest.mark.parametrize(
    ("tag", "value"), [("00280101", [0]), ("00280101", [32]), ("00280101", [True]), ("00281053", ["nan"])]
)
def test_numbers_that_are_none(tag: str, value: object) -> None:
    """Numbers outside of what the tag can mean are taken for missing."""
    assert read_sidecar(sidecar({tag: value})).display == DisplayHints()


def test_slope_of_zero() -> None:
    """A rescale that would make every pixel alike is not used, and that is said."""
    read = read_sidecar(sidecar({"00281053": [0], "00281052": [5]}))
    assert read.display.rescale == (1.0, 0.0)
    assert len(read.problems) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"vr": "US", "Value": [0, 100, 65535]},
        {"vr": "OW", "InlineBinary": base64.b64encode(struct.pack("<3H", 0, 100, 65535)).decode()},
    ],
)
def test_first_lut_of_the_sequence(data: object) -> None:
    """The first VOI LUT is read, whether its data stand as numbers or as base64."""
    both = [*lut([3, 12, 16], data), *lut([1, 0, 8], {"Value": [7]})]
    assert read_sidecar(sidecar({"00283010": both})).display.voi_lut == (12, (0, 100, 65535))


def test_equal_luts_are_kept_once() -> None:
    """Images of one device share one table."""
    seen = VoiLuts()
    data = sidecar({"00283010": lut([2, 0, 16], {"Value": [5, 500]})})
    first, second = read_sidecar(data, seen), read_sidecar(data, seen)
    assert first.display.voi_lut is second.display.voi_lut is not None


def test_different_luts_are_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that brings a table for each image cannot fill the memory: those beyond the limit are named, not used."""
    monkeypatch.setattr("xray_model.data.layouts.sidecar.MAX_LUT_ENTRIES", 6)
    luts = VoiLuts()
    tables = [sidecar({"00283010": lut([3, first, 16], {"Value": [5, 500, 600]})}) for first in (0, 1, 2, 0)]
    read = [read_sidecar(data, luts) for data in tables]
    assert [one.display.voi_lut is not None for one in read] == [True, True, False, True]
    assert "more different VOI LUTs" in read[2].problems[0]


@pytest.mark.parametrize(
    "sequence",
    [
        lut([4, 0, 16], {"Value": [1, 2, 3]}),
        lut([0, 0, 16], {"Value": [1, 2, 3]}),
        lut([3], {"Value": [1, 2, 3]}),
        lut(["3", 0, 16], {"Value": [1, 2, 3]}),
        lut([False, False], {"Value": [1, 2, 3]}),
        lut([3, 0, 16], {"Value": [1, 2, 70_000]}),
        lut([3, 0, 16], {"Value": [1, 2, -1]}),
        lut([3, 0, 16], {"Value": [1, [2], 3]}),
        lut([3, 0, 16], {"Value": ["1", "2", "3"]}),
        lut([3, 10**3000, 16], {"Value": [1, 2, 3]}),
        lut([3, -(10**9), 16], {"Value": [1, 2, 3]}),
        lut([1, 0, 16], {"InlineBinary": "%%%"}),
        lut([1, 0, 16], {"InlineBinary": "ñ"}),
        lut([1, 0, 16], {"InlineBinary": "AA=="}),
        lut([0, 0, 16], {"Value": []}),
        ["text"],
        [{}],
    ],
)
def test_damaged_lut(sequence: object) -> None:
    """A VOI LUT that is not what it announces is not used, and that is said."""
    read = read_sidecar(sidecar({"00283010": sequence}))
    assert read.display.voi_lut is None
    assert read.problems == ("the VOI LUT in the sidecar is damaged and is not used",)


@settings(deadline=None)
@given(st.binary() | st.dictionaries(USED_TAGS, JSON).map(json.dumps).map(str.encode))
def test_any_bytes_are_read(data: bytes) -> None:
    """Whatever stands in a sidecar, reading it ends in values or problems, never in an exception."""
    assert isinstance(read_sidecar(data), Sidecar)
