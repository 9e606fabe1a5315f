"""DICOM files as they are written, against our readers and our decoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xray_model.data.dicom.pixels import read_dicom
from xray_model.data.layouts.detection import detect_layout
from xray_model.data.phantoms import CohortOptions
from xray_model.data.phantoms.dicom import DicomSetting, write_dicom

MakeOptions = Callable[..., CohortOptions]
TreeOf = Callable[[Path], dict[str, bytes]]


@pytest.mark.parametrize(
    ("setting", "layout"),
    [
        (DicomSetting.ALONE, "dicom"),
        (DicomSetting.CLASS_FOLDERS, "class_folders"),
        (DicomSetting.TABLE, "csv_table"),
    ],
)
def test_the_reader_finds_what_the_answer_sheet_says(
    tmp_path: Path, make_options: MakeOptions, tree_of: TreeOf, setting: DicomSetting, layout: str
) -> None:
    """Each setting is recognised; patient, view, sex and age are read back, and the label where anything tells it."""
    seen: list[tuple[int, int]] = []
    written = write_dicom(
        tmp_path, make_options(patients=8), setting=setting, on_image=lambda done, total: seen.append((done, total))
    )
    files = tree_of(tmp_path)
    reader = detect_layout(list(files))
    records = reader.read(list(files), lambda name, first=None: files[name][:first]).records
    assert reader.name == layout
    assert {record.name for record in records} == set(written.answers)
    assert len(seen) == written.images
    for record in records:
        answer = written.answers[record.name]
        assert record.label == (None if setting is DicomSetting.ALONE else answer.label)
        found = (record.patient, record.view, record.sex, record.age, record.display.monochrome1)
        assert found == (answer.patient, answer.view, answer.sex, answer.age, answer.monochrome1)


def test_every_picture_has_bright_bones(tmp_path: Path, make_options: MakeOptions) -> None:
    """Whatever the depth, sign and transfer syntax, a frontal picture's lungs are darker than its edges' neighbours."""
    written = write_dicom(tmp_path, make_options(patients=8, lateral_share=0.0))
    for name in written.answers:
        image = read_dicom((tmp_path / name).read_bytes(), most_pixels=1_000_000)
        values = image.values.astype(float) * (-1 if image.hints.monochrome1 else 1)
        height, width = values.shape
        spine = values[height // 4 : height * 3 // 4, width * 9 // 20 : width * 11 // 20]
        lungs = values[height * 3 // 10 : height // 2, width // 5 : width * 2 // 5]
        assert np.median(spine) > np.median(lungs)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, make_options: MakeOptions, tree_of: TreeOf) -> None:
    """Written twice, a cohort is the same byte for byte."""
    for folder in ("a", "b"):
        write_dicom(tmp_path / folder, make_options(patients=3), setting=DicomSetting.TABLE)
    assert tree_of(tmp_path / "a") == tree_of(tmp_path / "b")
