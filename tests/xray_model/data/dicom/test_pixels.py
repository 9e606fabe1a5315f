"""Stored values and hints of DICOM files, whatever way they are stored."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID

from xray_model.data.dicom.pixels import DicomImage, read_dicom
from xray_model.data.layouts.sidecar import read_sidecar
from xray_model.data.phantoms.dicom import dicom_bytes, encode_dicom
from xray_model.errors import UnreadableImage

Values = npt.NDArray[np.uint16]
MakeValues = Callable[..., Values]

MOST = 1_000_000
EXPLICIT, IMPLICIT, DEFLATED, BIG = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
RLE = "1.2.840.10008.1.2.5"
WINDOW = {"WindowCenter": 1000, "WindowWidth": 400}


def levels(image: DicomImage) -> npt.NDArray[np.floating[Any]]:
    """Values after rescaling."""
    slope, intercept = image.hints.rescale
    return image.values * slope + intercept


def lut_item(first: int, entries: Sequence[int] | bytes, bits: int = 16, *, signed: bool = False) -> Dataset:
    """An item of a Modality or VOI LUT sequence; bytes are entries of 8 bits."""
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(entries), first, bits])
    data = entries if isinstance(entries, bytes) else np.array(entries, "<u2").tobytes()
    item.add_new(0x00283006, "OW", data + b"\0" * (len(data) % 2))
    return item


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, DEFLATED, BIG, RLE])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_every_depth_and_syntax(make_values: MakeValues, syntax: str, bits: int, signed: bool) -> None:
    """Values of any depth, sign, byte order and packing come back as they were, with the hints that go with them."""
    values = make_values(bits)
    image = read_dicom(encode_dicom(values, bits, signed=signed, syntax=syntax, tags=WINDOW), most_pixels=MOST)
    assert (image.values == values).all()
    assert image.values.dtype == np.uint16
    assert (levels(image) == values).all()
    assert image.hints.bits_stored == bits
    assert image.hints.window == (1000.0, 400.0)


@settings(deadline=None)
@given(
    bits=st.integers(9, 16),
    signed=st.booleans(),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    slope=st.sampled_from([1.0, -1.0, 0.5, 2.0]),
    intercept=st.integers(-5000, 5000),
    data=st.data(),
)
def test_levels_do_not_depend_on_the_sign(
    bits: int, signed: bool, shape: tuple[int, int], slope: float, intercept: int, data: st.DataObject
) -> None:
    """Signed and unsigned files that mean the same levels give the same levels."""
    low = -(1 << bits - 1) if signed else 0
    stored = st.integers(low, low + (1 << bits) - 1)
    cells = data.draw(st.lists(stored, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    words = np.array(cells).reshape(shape)
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    image = read_dicom(encode_dicom((words - low).astype(np.uint16), bits, signed=signed, tags=tags), most_pixels=MOST)
    assert (levels(image) == words * slope + intercept).all()


def test_a_png_with_its_sidecar_says_the_same(make_values: MakeValues) -> None:
    """The values of a 16-bit PNG and the hints of a sidecar are those of the DICOM file they were exported from."""
    values = make_values(12)
    tags = {
        "PhotometricInterpretation": "MONOCHROME1",
        "WindowCenter": [1500, 900],
        "WindowWidth": [700, 100],
        "RescaleSlope": 2,
        "RescaleIntercept": -10,
        "VOILUTSequence": [lut_item(5, range(0, 4000, 2))],
    }
    data = encode_dicom(values, 12, tags=tags)
    dataset = pydicom.dcmread(io.BytesIO(data))
    del dataset.PixelData
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    image = read_dicom(data, most_pixels=MOST)
    sidecar = read_sidecar(json.dumps(dataset.to_json_dict()).encode())
    assert image.hints == sidecar.display
    assert (image.values == np.asarray(Image.open(buffer))).all()
    assert sidecar.problems == ()


def test_bits_outside_the_stored_ones_are_dropped(make_values: MakeValues, edit: Callable[..., bytes]) -> None:
    """An overlay in the spare bits, and values that lie above them, leave no trace."""
    values = make_values(12)
    overlay = edit(encode_dicom(values | np.uint16(0xA000), 12), HighBit=11)
    shifted = edit(encode_dicom(values << np.uint16(4) | np.uint16(0x5), 12), HighBit=15)
    for data in (overlay, shifted):
        assert (read_dicom(data, most_pixels=MOST).values == values).all()


@pytest.mark.parametrize(
    ("tags", "function", "window"),
    [
        ({"VOILUTFunction": "SIGMOID", **WINDOW}, "SIGMOID", (1000.0, 400.0)),
        ({"VOILUTFunction": "LINEAR_EXACT", **WINDOW}, "LINEAR_EXACT", (1000.0, 400.0)),
        ({"VOILUTFunction": "OTHER", **WINDOW}, "LINEAR", (1000.0, 400.0)),
        ({"WindowCenter": [7, 8], "WindowWidth": [9, 10]}, "LINEAR", (7.0, 9.0)),
        ({"WindowCenter": 7}, "LINEAR", None),
        ({"WindowCenter": 7, "WindowWidth": 0}, "LINEAR", None),
        ({}, "LINEAR", None),
    ],
)
def test_windows(tags: dict[str, Any], function: str, window: tuple[float, float] | None) -> None:
    """The first window counts, with its function; an incomplete one does not."""
    image = read_dicom(encode_dicom(np.ones((2, 2), np.uint16), 12, tags=tags), most_pixels=MOST)
    assert (image.hints.window_function, image.hints.window) == (function, window)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_voi_luts(signed: bool, syntax: str) -> None:
    """A VOI LUT is read with 16-bit and 8-bit entries, and its first value is negative where levels are."""
    first = -100 if signed else 100
    tags: dict[str, Any] = {"RescaleIntercept": 0, "VOILUTSequence": [lut_item(first, [1, 300, 7], signed=signed)]}
    if syntax == BIG:
        tags["VOILUTSequence"][0][0x00283006].value = np.array([1, 300, 7], ">u2").tobytes()
    data = encode_dicom(np.ones((2, 2), np.uint16), 12, signed=signed, syntax=syntax, tags=tags)
    assert read_dicom(data, most_pixels=MOST).hints.voi_lut == (first, (1, 300, 7))


@pytest.mark.parametrize("entries", [b"\x01\x02\xff", b"\x01\x02\xff\x00"])
def test_voi_lut_with_entries_of_8_bits(entries: bytes) -> None:
    """Entries of 8 bits are read, also where their number is odd."""
    data = encode_dicom(np.ones((2, 2), np.uint16), 12, tags={"VOILUTSequence": [lut_item(0, entries, 8)]})
    assert read_dicom(data, most_pixels=MOST).hints.voi_lut == (0, tuple(entries))


def test_damaged_voi_lut_is_not_used() -> None:
    """A table shorter than it says is left aside, and the image is read."""
    item = lut_item(0, range(100))
    item[0x00283002].value = [5000, 0, 16]
    data = encode_dicom(np.ones((2, 2), np.uint16), 12, tags={"VOILUTSequence": [item]})
    assert read_dicom(data, most_pixels=MOST).hints.voi_lut is None


@pytest.mark.parametrize("signed", [False, True])
def test_modality_lut_takes_the_place_of_rescaling(signed: bool) -> None:
    """A Modality LUT maps each stored value, and those beyond its ends to its ends."""
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) + np.uint16(1 << 11 if signed else 0)
    tags = {"ModalityLUTSequence": [lut_item(1, [500, 400, 900], signed=signed)]}
    data = encode_dicom(values, 12, signed=signed, tags=tags)
    if signed:
        tags["ModalityLUTSequence"][0].ModalityLUTType = "US"
    image = read_dicom(data, most_pixels=MOST)
    assert image.values.tolist() == [[500, 500, 400], [900, 900, 900]]
    assert (image.hints.rescale, image.hints.bits_stored) == ((1.0, 0.0), 10)


def test_eight_bits_without_a_window_are_gray_levels(make_values: MakeValues) -> None:
    """An 8-bit image that says nothing of its display is taken as it is; MONOCHROME1 is still told."""
    data = encode_dicom(make_values(8), 8, tags={"PhotometricInterpretation": "MONOCHROME1"})
    image = read_dicom(data, most_pixels=MOST)
    assert image.values.dtype == np.uint8
    assert image.hints.monochrome1


@pytest.mark.parametrize(("syntax", "planar"), [(EXPLICIT, 0), (EXPLICIT, 1), (BIG, 0), (BIG, 1), (RLE, 0)])
def test_colour_becomes_gray(planar: int, syntax: str) -> None:
    """Red, green and blue weigh as in Pillow's gray, in either order of planes; of YBR the luminance is taken."""
    colours = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    stored = np.moveaxis(colours, -1, 0) if planar else colours
    for photometric in ("RGB", "YBR_FULL"):
        dataset = pydicom.dcmread(io.BytesIO(encode_dicom(np.ones((6, 8), np.uint16), 8)))
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, planar
        dataset.PhotometricInterpretation, dataset.PixelData = photometric, stored.tobytes()
        if syntax == RLE:
            dataset.compress(RLE, generate_instance_uid=False)
        elif syntax == BIG:
            dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(dataset)))
            dataset.file_meta.TransferSyntaxUID = UID(BIG)
            dataset["PixelData"].VR = "OB"
        image = read_dicom(dicom_bytes(dataset), most_pixels=MOST)
        gray = np.asarray(Image.fromarray(colours).convert("L")) if photometric == "RGB" else colours[..., 0]
        assert (image.values == gray).all()
        assert image.values.dtype == np.uint8


@pytest.mark.parametrize("columns", [3, 4])
def test_bytes_in_swapped_pairs(columns: int) -> None:
    """Eight bits stored as big endian words come in swapped pairs, with an odd last one behind its padding."""
    values = np.arange(3 * columns, dtype=np.uint16).reshape(3, columns)
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(values, 8, syntax=BIG)))
    padded = values.astype(np.uint8).tobytes().ljust(12, b"\0")
    dataset.PixelData = np.frombuffer(padded, "<u2").astype(">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    assert (read_dicom(dicom_bytes(dataset), most_pixels=MOST).values == values).all()


def test_halved_colour(edit: Callable[..., bytes]) -> None:
    """Of YBR_FULL_422 the luminance of every pixel is taken."""
    pairs = np.array([[10, 20, 99, 98], [30, 40, 97, 96]], np.uint8)
    data = edit(
        encode_dicom(np.ones((2, 2), np.uint16), 8),
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="YBR_FULL_422",
        PixelData=pairs.tobytes(),
    )
    assert read_dicom(data, most_pixels=MOST).values.tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize("depth", [8, 16])
def test_palette(depth: int) -> None:
    """A palette image is gray by its colours."""
    entries = [0, 255, 100] if depth == 8 else [0, 255 << 8, 100 << 8]
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(np.array([[0, 1], [2, 1]], np.uint16), 8)))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for channel in (1, 2, 3):
        dataset.add_new(0x00281100 + channel, "US", [3, 0, depth])
        dataset.add_new(0x00281200 + channel, "OW", np.array(entries, "<u2").tobytes())
    data = dicom_bytes(dataset)
    assert read_dicom(data, most_pixels=MOST).values.tolist() == [[0, 255], [100, 255]]


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": 2}, "several frames"),
        ({"Rows": 0}, "no size"),
        ({"Rows": None}, "no size"),
        ({"Rows": 60_000, "Columns": 60_000}, "60000 x 60000 pixels are more than the 1,000,000 allowed"),
        ({"Rows": 31}, "damaged or cut short"),
        ({"BitsAllocated": 32}, "32 bits per sample"),
        ({"BitsAllocated": 1}, "1 bits per sample"),
        ({"BitsStored": 17}, "contradicts itself"),
        ({"HighBit": 3}, "contradicts itself"),
        ({"PhotometricInterpretation": "HSV"}, "gray or colour in a way"),
        ({"SamplesPerPixel": 4}, "gray or colour in a way"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "palette of the DICOM file is missing"),
        ({"PixelData": None}, "holds no image"),
    ],
)
def test_what_is_not_read_is_refused_with_a_reason(
    make_values: MakeValues, edit: Callable[..., bytes], tags: dict[str, Any], reason: str
) -> None:
    """A file that cannot or must not be decoded is refused, and the message says why."""
    with pytest.raises(UnreadableImage, match=reason):
        read_dicom(edit(encode_dicom(make_values(12), 12), **tags), most_pixels=MOST)


@settings(deadline=None, max_examples=200)
@given(syntax=st.sampled_from([EXPLICIT, IMPLICIT, DEFLATED, BIG, RLE]), data=st.data())
def test_damaged_files_are_read_or_refused(syntax: str, data: st.DataObject) -> None:
    """A file that is cut anywhere, or has any of its bytes changed, gives an image or a reason."""
    file = bytearray(encode_dicom(ramp_of(10), 10, syntax=syntax, tags={"PatientName": "Doe^Jane", **WINDOW}))
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(132, len(file) - 1), st.integers(0, 255)), max_size=20)
    ):
        file[place] = value
    cut = data.draw(st.integers(0, len(file)) | st.just(len(file)))
    refused = ""
    try:
        image = read_dicom(bytes(file[:cut]), most_pixels=MOST)
    except UnreadableImage as error:
        refused = str(error)
    assert "Doe" not in refused
    assert refused or (image.values.ndim == 2 and image.values.size <= MOST)


def ramp_of(bits: int) -> Values:
    """A small image."""
    return np.arange(120, dtype=np.uint16).reshape(10, 12) * np.uint16((1 << bits) // 120)
