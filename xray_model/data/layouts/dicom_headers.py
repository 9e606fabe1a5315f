"""What the headers of DICOM files add to the records of a batch, in whatever layout the files lie."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from xray_model.data.layouts.files import FileKind, base_name, kind_of
from xray_model.data.records import HEADER_BYTES, OWN_NUMBERING, OpenFile, Record
from xray_model.errors import InvalidInput, ObjectNotFound

if TYPE_CHECKING:
    from xray_model.data.dicom.header import DicomHeader


def add_headers(
    records: Iterable[Record], dicom_files: Collection[str], open_file: OpenFile, passed_over: Counter[str]
) -> tuple[Record, ...]:
    """The records, those of DICOM files filled by their headers; what a record knows already stands.

    Args:
        records: one per image.
        dicom_files: the names that are DICOM files.
        open_file: asked for the start of each of them, and for the whole of one whose header is longer.
        passed_over: counts those that are no chest X-ray; they have no record.
    """
    dicom_files = set(dicom_files)
    kept: list[Record] = []
    for record in records:
        if record.name not in dicom_files:
            kept.append(record)
            continue
        try:
            header = _open_header(record.name, open_file)
        except (InvalidInput, ObjectNotFound):
            if _is_called_dicom(record.name):
                problem = "the DICOM header cannot be read"
                kept.append(replace(record, problems=(*record.problems, problem)))
            else:
                passed_over[FileKind.OTHER.value] += 1
            continue
        if header.other_kind:
            passed_over[header.other_kind] += 1
        else:
            kept.append(_fill(record, header))
    return tuple(kept)


def _open_header(name: str, open_file: OpenFile) -> "DicomHeader":
    from xray_model.data.dicom.header import read_header

    start = open_file(name, first=HEADER_BYTES)
    header = read_header(start)
    if not header.complete and len(start) >= HEADER_BYTES:
        header = read_header(open_file(name))
    if not header.complete:
        raise InvalidInput("the file is cut short in its DICOM header")
    return header


def _is_called_dicom(name: str) -> bool:
    """Whether a file's extension says that it is DICOM; a number or a UID as its name is no more than a sign."""
    return kind_of(f"x.{base_name(name).rpartition('.')[2]}") is FileKind.DICOM


def _fill(record: Record, header: "DicomHeader") -> Record:
    patient = None if header.patient is None else f"{OWN_NUMBERING}:{header.patient}"
    return replace(
        record,
        patient=record.patient or patient,
        session=record.session or header.study,
        view=record.view or header.view,
        sex=record.sex or header.sex,
        age=header.age if record.age is None else record.age,
        manufacturer=record.manufacturer or header.manufacturer,
        display=header.display,
        problems=(*record.problems, *header.problems),
    )
