"""What a header tells of an image, and that it tells nobody's name."""

import io
import logging
import traceback
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_is_retired, dictionary_VR, keyword_dict
from pydicom.dataset import Dataset

from xray_model.data.dicom.header import read_header
from xray_model.data.dicom.pixels import read_dicom
from xray_model.data.dicom.signature import is_dicom
from xray_model.data.phantoms.dicom import dicom_bytes, encode_dicom
from xray_model.errors import InvalidInput, XrayError

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
PLANT = "SECRET"
USED = {
    "Modality", "Manufacturer", "PatientID", "PatientSex", "PatientAge", "StudyInstanceUID", "ViewPosition",
    "BodyPartExamined", "SpecificCharacterSet", "PhotometricInterpretation", "BurnedInAnnotation", "VOILUTFunction",
    "StudyDate",
}  # fmt: skip


def header_of(**tags: Any) -> Any:
    """The header of a small file with these elements."""
    return read_header(encode_dicom(PIXELS, 12, tags=tags))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"])
def test_a_whole_header(syntax: str) -> None:
    """Patient, study, view, sex, age, manufacturer and display are read in every transfer syntax."""
    tags = {
        "PatientID": "P17",
        "StudyInstanceUID": "1.2.3",
        "ViewPosition": "AP",
        "PatientSex": "F",
        "PatientAge": "063Y",
        "Manufacturer": "Müller",
        "SpecificCharacterSet": "ISO_IR 192",
        "PhotometricInterpretation": "MONOCHROME1",
        "WindowCenter": "10",
        "WindowWidth": "20",
    }
    header = read_header(encode_dicom(PIXELS, 12, syntax=syntax, tags=tags))
    assert (header.patient, header.study, header.view, header.sex) == ("P17", "1.2.3", "AP", "F")
    assert (header.age, header.manufacturer, header.other_kind, header.problems) == (63.0, "Müller", None, ())
    assert (header.display.monochrome1, header.display.bits_stored, header.display.window) == (True, 12, (10.0, 20.0))


@pytest.mark.parametrize(
    ("said", "patient"),
    [
        ("", None),
        ("0", None),
        ("0000", None),
        ("ANON", None),
        ("Anonymous", None),
        ("ANONYMIZED", None),
        ("anonymised^", None),
        ("unknown", None),
        ("NO ID", None),
        ("XXXX", None),
        ("---", None),
        ("ANON0042", "ANON0042"),
        ("0017", "0017"),
        ("X1", "X1"),
        (" 17 ", "17"),
    ],
)
def test_patient_ids_that_stand_for_anybody(said: str, patient: str | None) -> None:
    """An id that an anonymiser gives to everybody is no patient; a number behind it may be."""
    assert header_of(PatientID=said).patient == patient


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "063Y", "PatientBirthDate": "20000101", "StudyDate": "20200101"}, 63.0),
        ({"PatientBirthDate": "19600601", "StudyDate": "20200315"}, 59.0),
        ({"PatientBirthDate": "19600301", "StudyDate": "20200315"}, 60.0),
        ({"PatientBirthDate": "20210101", "StudyDate": "20200315"}, None),
        ({"PatientBirthDate": "19000101", "StudyDate": "20200315"}, None),
        ({"PatientBirthDate": "19600601"}, None),
        ({}, None),
    ],
)
def test_age(tags: dict[str, str], age: float | None) -> None:
    """The age is the one given, else the whole years between birth and study."""
    assert header_of(**tags).age == age


@pytest.mark.parametrize(
    ("view", "found"), [("PA", "PA"), ("AP", "AP"), ("LL", "L"), ("RL", "L"), ("LATERAL", "L"), ("RAO", None)]
)
def test_views(view: str, found: str | None) -> None:
    """Frontal and lateral views are told apart, others not."""
    assert header_of(ViewPosition=view).view == found


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"Modality": "CT"}, "CT image"),
        ({"Modality": "MR"}, "DICOM file that is no X-ray"),
        ({"Modality": "SR"}, "DICOM file that is no X-ray"),
        ({"Modality": "CR"}, None),
        ({"Modality": "dx"}, None),
        ({"Modality": "OT"}, None),
        ({"BodyPartExamined": "HAND"}, "image of another body part"),
        ({"BodyPartExamined": "CHEST"}, None),
        ({"BodyPartExamined": "TORAX PA"}, None),
    ],
)
def test_what_is_no_chest_xray(tags: dict[str, str], kind: str | None) -> None:
    """Other modalities and body parts are told by what they are; what may be a chest X-ray is kept."""
    assert header_of(**tags).other_kind == kind


def test_a_report_is_no_xray() -> None:
    """A file without rows and columns is no X-ray, whatever it calls itself."""
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(PIXELS, 12)))
    del dataset.Rows, dataset.PixelData
    assert read_header(dicom_bytes(dataset)).other_kind == "DICOM file that is no X-ray"


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ({"BurnedInAnnotation": "YES"}, "text is burned into the picture"),
        ({"Modality": ""}, "does not say that the image is an X-ray"),
        ({"PatientAge": "abc"}, "the age in the DICOM header"),
        ({"WindowCenter": "1"}, "the window in the DICOM header"),
        ({"RescaleSlope": 0}, "the rescale slope in the DICOM header"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_problems(tags: dict[str, Any], problem: str) -> None:
    """What is wrong with a header, or to be looked at, is a problem."""
    (found,) = header_of(**tags).problems
    assert problem in found


def test_the_start_of_a_file_is_enough() -> None:
    """Pixels and long tables behind the tags that are used need not be there; a start that is too short is told."""
    data = encode_dicom(PIXELS, 12, tags={"PatientID": "P17", "PatientComments": "x" * 10_000})
    whole = read_header(data)
    assert read_header(data[: data.index(b"\xe0\x7f\x10\x00") + 12]) == whole
    assert not read_header(data[:5_000]).complete


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n" + bytes(200), b"\xff\xd8\xff\xe0" + bytes(200), b"text, no picture", bytes(4096)],
    ids=["empty", "png", "jpeg", "text", "zeros"],
)
def test_other_files_are_no_dicom(data: bytes) -> None:
    """What begins unlike a DICOM file is refused."""
    assert not is_dicom(data)
    with pytest.raises(InvalidInput, match="no DICOM file"):
        read_header(data)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_files_without_a_preamble(syntax: str) -> None:
    """A data set that begins at once, as old archives export it, is read with its pixels."""
    data = encode_dicom(PIXELS, 12, syntax=syntax, tags={"PatientID": "P17"})
    bare = data[data.index(b"\x08\x00\x16\x00", 300) :]
    assert is_dicom(bare)
    assert read_header(bare).patient == "P17"
    assert (read_dicom(bare, most_pixels=100).values == PIXELS).all()


def test_nested_elements_without_end_are_refused() -> None:
    """A header of millions of nested elements, or of endless depth, is given up."""
    start = encode_dicom(PIXELS, 12)
    start = start[: start.index(b"\x08\x00\x16\x00", 300)]
    sequence = b"\x08\x00\x05\x11SQ\x00\x00\xff\xff\xff\xff"
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    deep = start + (sequence + item) * 50_000
    wide = start + sequence + (b"\xfe\xff\x00\xe0" + bytes(4)) * 500_000
    for data in (deep, wide):
        with pytest.raises(XrayError, match=r"damaged|holds no image"):
            read_dicom(data, most_pixels=100)


def planted() -> bytes:
    """A file with a secret in every element of text that is not used, in private ones and in its meta information."""
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(PIXELS, 12, tags={"PatientID": "P17", "Manufacturer": "Agfa"})))
    lengths = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "PN": 64, "LT": 100, "ST": 100, "UT": 100, "UC": 100}
    for keyword, tag in keyword_dict.items():
        vr = dictionary_VR(tag)
        if vr in lengths and keyword not in USED and not dictionary_is_retired(tag) and 8 <= tag >> 16 < 0x7FE0:
            dataset.add_new(tag, vr, f"{PLANT}{tag:08X}"[: lengths[vr]])
    dataset.PatientBirthDate, dataset.PatientBirthTime = "19570102", "0102"
    other = Dataset()
    other.PatientID = f"{PLANT}OTHER"
    dataset.OtherPatientIDsSequence = [other]
    dataset.private_block(0x0011, f"{PLANT} CREATOR", create=True).add_new(1, "LO", f"{PLANT}PRIVATE")
    dataset.file_meta.ImplementationVersionName = PLANT
    dataset.file_meta.SourceApplicationEntityTitle = PLANT
    dataset.preamble = (PLANT * 30).encode()[:128]
    return dicom_bytes(dataset)


def test_no_identity_leaves_a_header(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    """Nothing of what is planted in names, ids, institutions, private elements and meta information comes out."""
    assert PLANTED.count(PLANT.encode()) > 400
    with caplog.at_level(logging.DEBUG):
        told = repr(read_header(PLANTED)) + repr(read_dicom(PLANTED, most_pixels=100))
    assert "P17" in told
    warned = "".join(str(warning.message) for warning in recwarn.list)
    everything = told + caplog.text + "".join(capfd.readouterr()) + warned
    assert PLANT not in everything
    assert "1957" not in everything


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_identity_leaves_a_damaged_header(data: st.DataObject) -> None:
    """Damaged anywhere, a header is read or refused, and what is refused quotes nothing of it."""
    file = bytearray(PLANTED)
    for place in data.draw(st.lists(st.integers(132, len(file) - 1), min_size=1, max_size=10)):
        file[place] = data.draw(st.integers(0, 255))
    told = ""
    for read in (read_header, read_pixels):
        try:
            read(bytes(file))
        except XrayError as error:
            told += "".join(traceback.format_exception(error))
    assert PLANT not in told


def read_pixels(data: bytes) -> object:
    """The pixels of a small file."""
    return read_dicom(data, most_pixels=100)


PLANTED = planted()
