"""Writing a cohort as DICOM files, alone, in class folders or beside a table, with headers as hospitals have them."""

import csv
import io
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from xray_model.data.dicom.parsing import EXPLICIT_LITTLE
from xray_model.data.phantoms.cohort import CohortOptions, Exam, plan_cohort
from xray_model.data.phantoms.encoding import Storage, store_picture
from xray_model.data.phantoms.writing import Answer, OnImage, Written, make_folders

_DEPTHS = (10, 12, 14, 15, 16)
_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless)
_MAKERS = ("Agfa", "FUJIFILM Corporation", "SIEMENS", "KONICA MINOLTA", "Philips Medical Systems")
_WORD = 16


class DicomSetting(StrEnum):
    """Where the files lie, and so who tells the finding."""

    ALONE = "alone"
    """`export/<study>/<image>.dcm`: nobody."""
    CLASS_FOLDERS = "class folders"
    """`xrays/{COVID,NORMAL,PNEUMONIA}/<image>.dcm`."""
    TABLE = "table"
    """`images/<image>.dcm` and a `metadata.csv` with file name and finding."""


def write_dicom(
    folder: Path,
    options: CohortOptions,
    *,
    setting: DicomSetting = DicomSetting.ALONE,
    on_image: OnImage | None = None,
) -> Written:
    """Write a cohort as DICOM files of several depths and transfer syntaxes, signed and unsigned, dark and light.

    Args:
        folder: made if it is missing.
        options: the cohort.
        setting: how the files lie.
        on_image: told of every image (done, total).
    """
    exams = plan_cohort(options)
    paths = {_name(exam, setting): exam for exam in exams}
    make_folders(folder / name for name in paths)
    answers: dict[str, Answer] = {}
    for done, (name, exam) in enumerate(paths.items(), start=1):
        rng = np.random.default_rng([*exam.key, 1])
        storage = Storage(int(rng.choice(_DEPTHS)), 0.06, 0.9, bool(rng.random() < 0.24))
        signed, syntax = bool(rng.random() < 0.1), _SYNTAXES[int(rng.integers(len(_SYNTAXES)))]
        values = store_picture(exam.draw(), storage)
        tags = {**_tags(exam, storage), "Manufacturer": str(rng.choice(_MAKERS))}
        (folder / name).write_bytes(
            encode_dicom(values, storage.bits, signed=signed, syntax=syntax, tags=tags, entropy=name)
        )
        patient = exam.patient
        answers[name] = Answer(
            patient.finding, f"source:{_patient_id(exam)}", exam.view, patient.sex, float(int(patient.age)),
            storage.monochrome1,
        )  # fmt: skip
        if on_image is not None:
            on_image(done, len(paths))
    if setting is DicomSetting.TABLE:
        _write_table(folder / "metadata.csv", answers)
    return Written(answers)


def encode_dicom(
    values: npt.NDArray[np.uint16],
    bits: int,
    *,
    signed: bool = False,
    syntax: str = EXPLICIT_LITTLE,
    tags: Mapping[str, Any] | None = None,
    entropy: str = "",
) -> bytes:
    """The bytes of a DICOM file.

    Args:
        values: uint16 [height, width], as they are to be read: `signed` moves them down by half their range, and the
            rescale intercept takes that back.
        bits: bits stored, 1 to 16.
        signed: pixel representation.
        syntax: transfer syntax UID: one that is not compressed, deflated, or RLE.
        tags: further elements by pydicom's keyword; they overrule what follows from the other arguments.
        entropy: what the file's identifiers are made of.
    """
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[entropy, "image"])
    dataset.Modality, dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "DX", "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated = 8 if bits <= 8 else _WORD
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, int(signed)
    if signed:
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 1 << (bits - 1)
        values = (values.astype(np.int32) - (1 << (bits - 1))).astype(np.uint16)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    content = values.astype("u1" if bits <= 8 else f"{order}u2").tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB" if bits <= 8 else "OW"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else UID(syntax)
    dataset.file_meta = meta
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    for keyword, value in (tags or {}).items():
        setattr(dataset, keyword, value)
    return dicom_bytes(dataset)


def dicom_bytes(dataset: Dataset) -> bytes:
    """A data set with its file meta information as the bytes of a file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _name(exam: Exam, setting: DicomSetting) -> str:
    image = generate_uid(entropy_srcs=[*map(str, exam.key), "file"])
    match setting:
        case DicomSetting.ALONE:
            return f"export/{_study(exam)}/{image}.dcm"
        case DicomSetting.CLASS_FOLDERS:
            return f"xrays/{exam.patient.finding.upper()}/{image}.dcm"
        case DicomSetting.TABLE:
            return f"images/{image}.dcm"


def _study(exam: Exam) -> str:
    return generate_uid(entropy_srcs=[str(exam.key[0]), str(exam.session), "study"])


def _patient_id(exam: Exam) -> str:
    return f"P{exam.patient.number:06d}"


def _tags(exam: Exam, storage: Storage) -> dict[str, Any]:
    centre, width = storage.window
    age = int(exam.patient.age)
    rng = np.random.default_rng([*exam.key, 2])
    tags: dict[str, Any] = {
        "PatientName": f"Phantom^{exam.patient.number}",
        "PatientID": _patient_id(exam),
        "PatientBirthDate": f"{exam.day.year - age - 1}1231",
        "PatientSex": exam.patient.sex,
        "StudyDate": exam.day.strftime("%Y%m%d"),
        "StudyInstanceUID": _study(exam),
        "AccessionNumber": f"A{exam.session:07d}",
        "InstitutionName": "Phantom Hospital",
        "BodyPartExamined": "CHEST",
        "ViewPosition": {"L": "LL"}.get(exam.view, exam.view),
        "PhotometricInterpretation": "MONOCHROME1" if storage.monochrome1 else "MONOCHROME2",
    }
    if rng.random() < 0.7:
        tags["PatientAge"] = f"{age:03d}Y"
    if rng.random() < 0.8:
        tags["WindowCenter"], tags["WindowWidth"] = centre, width
    return tags


def _write_table(path: Path, answers: Mapping[str, Answer]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "finding"])
        writer.writerows([Path(name).name, answer.label] for name, answer in answers.items())
