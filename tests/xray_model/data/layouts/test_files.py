"""What a file is, by its name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.layouts.files import (
    FileKind,
    class_folder,
    find_inner_copies,
    kind_of,
    patient_in_name,
    sort_by_kind,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.PNG", FileKind.IMAGE),
        ("a/b.jpeg", FileKind.IMAGE),
        ("a/364.jfif.jpg", FileKind.IMAGE),
        ("__MACOSX/a/._b.png", FileKind.SYSTEM),
        ("__MACOSX/a/b.png", FileKind.SYSTEM),
        ("a/.DS_Store", FileKind.SYSTEM),
        ("a\\Thumbs.db", FileKind.SYSTEM),
        ("_READY", FileKind.SYSTEM),
        ("COVID/masks/COVID-1.png", FileKind.MASK),
        ("x_ct.nii.gz", FileKind.VOLUME),
        ("COVID.metadata.xlsx", FileKind.SPREADSHEET),
        ("LICENSE", FileKind.DOCUMENT),
        ("README.md", FileKind.DOCUMENT),
        ("part1.tgz", FileKind.ARCHIVE),
        ("b.dcm", FileKind.DICOM),
        ("DICOM/PA1/ST1/IM000001", FileKind.DICOM),
        ("1.2.840.113619.2.5.1762583153", FileKind.DICOM),
        ("1.2.840.113619.2.5.1762583153.png", FileKind.IMAGE),
        ("DICOMDIR", FileKind.OTHER),
        ("report1", FileKind.OTHER),
        ("2020.03.15", FileKind.OTHER),
        ("b", FileKind.OTHER),
        ("", FileKind.OTHER),
        ("/", FileKind.OTHER),
    ],
)
def test_kind_of(name: str, kind: FileKind) -> None:
    """Folders and extension tell what a file is, whatever the case and the slashes."""
    assert kind_of(name) is kind


@settings(deadline=None)
@given(st.lists(st.text()))
def test_every_file_is_of_one_kind(names: list[str]) -> None:
    """Sorting loses no name and counts none twice."""
    kinds = sort_by_kind(names)
    assert sorted(name for found in kinds.values() for name in found) == sorted(set(names))


def test_inner_copies() -> None:
    """A file below a doubled folder is a copy only where the file it repeats is there."""
    names = ["s/chest/val/a.png", "s/chest/chest/val/a.png", "s/chest/chest/val/b.png", "x/x.png"]
    assert find_inner_copies(names) == {"s/chest/chest/val/a.png"}


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("train/PNEUMONIA/person12_bacteria_46.jpeg", "kaggle-cxr:person12"),
        ("test/PNEUMONIA/person12_virus_7.jpeg", "kaggle-cxr:person12"),
        ("IM-0115-0001.jpeg", "kaggle-cxr:IM-0115"),
        ("IM-0429-0001-0002.jpeg", "kaggle-cxr:IM-0429"),
        ("NORMAL2-IM-0501-0001.jpeg", "kaggle-cxr:NORMAL2-IM-0501"),
        ("00000061_012.png", "nih:00000061"),
        ("covid/sub-S03044_ses-E06138_run-1_bp-chest_vp-pa_dx.png", "bimcv:S03044"),
        ("COVID-12.png", None),
        ("person of interest.png", None),
        ("", None),
    ],
)
def test_patient_in_name(name: str, patient: str | None) -> None:
    """The names of public sets tell their patients, other names none."""
    assert patient_in_name(name) == patient


def test_class_folder_is_the_nearest() -> None:
    """The folder nearest to the image counts, past folders that name no class."""
    assert class_folder("covid/Viral Pneumonia/images/1.png") == "Viral Pneumonia"
    assert class_folder("images/covid.png") is None
