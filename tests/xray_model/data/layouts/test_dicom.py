"""DICOM files alone, in class folders, and beside a table."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from xray_model.data.layouts.class_folders import ClassFolders
from xray_model.data.layouts.csv_table import CsvTable
from xray_model.data.layouts.dicom import Dicom
from xray_model.data.phantoms.dicom import encode_dicom
from xray_model.data.records import HEADER_BYTES, Layout
from xray_model.errors import ObjectNotFound, StoreUnavailable

if TYPE_CHECKING:
    from tests.xray_model.data.layouts.conftest import Batch

MakeBatch = Callable[..., "Batch"]

NO_FINDING = "a DICOM file tells no finding, and no table or class folder does"
TAGS = {
    "PatientID": "P17",
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19570102",
    "StudyInstanceUID": "1.2.3",
    "ViewPosition": "PA",
    "PatientSex": "F",
    "PatientAge": "063Y",
    "Manufacturer": "Agfa",
    "PhotometricInterpretation": "MONOCHROME1",
}


def dicom(**tags: Any) -> bytes:
    """A small X-ray with these elements beside the usual ones."""
    return encode_dicom(np.arange(12, dtype=np.uint16).reshape(3, 4), 12, tags={**TAGS, **tags})


def test_alone(batch: MakeBatch) -> None:
    """A file that comes alone is described by its header; it has no label, and a steward learns why."""
    (record,) = batch("notes.txt", dicom={"a/1.dcm": dicom()}).read(Dicom()).records
    assert (record.patient, record.session, record.view) == ("source:P17", "1.2.3", "PA")
    assert (record.sex, record.age, record.manufacturer) == ("F", 63.0, "Agfa")
    assert (record.label, record.finding, record.problems) == (None, None, (NO_FINDING,))
    assert (record.display.monochrome1, record.display.bits_stored) == (True, 12)


def test_in_class_folders(batch: MakeBatch) -> None:
    """In class folders the folder tells the finding, the header the rest; other images lie beside."""
    files = {"covid/1.dcm": dicom(), "NORMAL/2.dcm": dicom(PatientID="P18"), "NORMAL/2b.dcm": dicom(Modality="MR")}
    reading = batch("NORMAL/3.png", dicom=files).read(ClassFolders())
    assert [(record.name, record.label, record.patient, record.view) for record in reading.records] == [
        ("NORMAL/2.dcm", "normal", "source:P18", "PA"),
        ("NORMAL/3.png", "normal", None, None),
        ("covid/1.dcm", "covid", "source:P17", "PA"),
    ]
    assert reading.passed_over == {"DICOM file that is no X-ray": 1}


def test_beside_a_table(batch: MakeBatch) -> None:
    """What the table says counts; what it leaves blank the header fills."""
    table = "filename,finding,patient_id,view,age\n1.dcm,normal,T1,AP,\n2.dcm,covid,,,70\n3.png,covid,T3,,\n"
    files = {"images/1.dcm": dicom(), "images/2.dcm": dicom()}
    records = batch("images/3.png", dicom=files, metadata=table).records(CsvTable())
    assert {
        name: (record.label, record.patient, record.view, record.age, record.sex) for name, record in records.items()
    } == {
        "1.dcm": ("normal", "source:T1", "AP", 63.0, "F"),
        "2.dcm": ("covid", "source:P17", "PA", 70.0, "F"),
        "3.png": ("covid", "source:T3", None, None, None),
    }


@pytest.mark.parametrize("column", ["SOPInstanceUID", "dicom_id", "image_id"])
def test_a_table_that_names_files_by_their_uid(batch: MakeBatch, column: str) -> None:
    """Files are found by their UID, with or without an extension behind it."""
    table = f"{column},finding\n1.2.840.7.1.1.1,covid\n1.2.840.7.1.1.2,normal\n"
    files = {"x/1.2.840.7.1.1.1.dcm": dicom(), "x/1.2.840.7.1.1.2": dicom()}
    assert {r.label for r in batch(dicom=files, metadata=table).read(CsvTable()).records} == {"covid", "normal"}


def test_what_is_no_chest_xray_is_counted(batch: MakeBatch) -> None:
    """Other modalities, body parts, copies and files that only look like DICOM are passed over, each by its kind."""
    files = {
        "d/1.dcm": dicom(Modality="CT"),
        "d/2.dcm": dicom(Modality="SR"),
        "d/3.dcm": dicom(BodyPartExamined="KNEE"),
        "d/IM0004": b"no DICOM",
        "d/IM0005": dicom(),
    }
    reading = batch("DICOMDIR", dicom=files).read(Dicom())
    assert [record.name for record in reading.records] == ["d/IM0005"]
    assert reading.passed_over == {
        "CT image": 1,
        "DICOM file that is no X-ray": 1,
        "image of another body part": 1,
        "other file": 2,
    }


def test_inner_copies(batch: MakeBatch) -> None:
    """A file below a doubled folder that repeats another is passed over unopened."""
    files = batch(dicom={"s/x/1.dcm": dicom()})
    files.files["s/x/x/1.dcm"] = None
    reading = files.read(Dicom())
    assert (len(reading.records), reading.passed_over) == (1, {"inner copy": 1})


@pytest.mark.parametrize("layout", [Dicom(), ClassFolders()], ids=lambda layout: layout.name)
@pytest.mark.parametrize("data", [b"", b"text", dicom()[:200], dicom()[:500]], ids=["empty", "text", "meta", "cut"])
def test_headers_that_cannot_be_read(batch: MakeBatch, layout: Layout, data: bytes) -> None:
    """A damaged file stays a record, for the decoder to refuse, and the others of the batch are read."""
    damaged, whole = batch(dicom={"covid/1.dcm": data, "covid/2.dcm": dicom()}).read(layout).records
    assert damaged.problems[-1] == "the DICOM header cannot be read"
    assert (damaged.patient, whole.patient) == (None, "source:P17")


def test_a_long_header_is_read_whole(batch: MakeBatch) -> None:
    """The whole file is opened only where its header is longer than its start."""
    long = dicom(PatientComments="x" * 60_000, AdditionalPatientHistory="x" * 60_000)
    assert len(long) > HEADER_BYTES
    files = batch(dicom={"1.dcm": long, "2.dcm": dicom()})
    assert [record.view for record in files.read(Dicom()).records] == ["PA", "PA"]
    assert (files.opened, files.started) == (["1.dcm"], ["1.dcm", "2.dcm"])


def test_a_file_that_vanished_and_a_store_that_fails() -> None:
    """A file that is gone is a problem of its own; a store that does not answer ends the reading."""

    def gone(name: str, /, *, first: int | None = None) -> bytes:
        raise ObjectNotFound(name)

    def down(name: str, /, *, first: int | None = None) -> bytes:
        raise StoreUnavailable(name)

    (record,) = Dicom().read(["1.dcm"], gone).records
    assert record.problems == (NO_FINDING, "the DICOM header cannot be read")
    with pytest.raises(StoreUnavailable):
        Dicom().read(["1.dcm"], down)


def test_no_name_and_no_birth_date_are_kept(batch: MakeBatch) -> None:
    """The name and the birth date are in no record; that a picture may show them is a problem of its record."""
    files = {"1.dcm": dicom(BurnedInAnnotation="YES"), "2.dcm": dicom(PatientAge="", StudyDate="20200401")}
    reading = batch(dicom=files).read(Dicom())
    assert "Doe" not in repr(reading)
    assert "1957" not in repr(reading)
    assert reading.records[1].age == 63.0
    assert "burned into the picture" in reading.records[0].problems[1]
