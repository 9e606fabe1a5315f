"""The Kaggle sets, whose folders are their labels."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.layouts.class_folders import ClassFolders

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.xray_model.data.layouts.conftest import Batch

PART = st.sampled_from(["covid", "NORMAL", "Viral Pneumonia", "train", "images", "masks", "__MACOSX", "x"])
NAME = st.builds(
    lambda folders, base: "/".join([*folders, base]),
    st.lists(PART, max_size=4),
    st.sampled_from(["a.png", "b.JPEG", "c.xlsx", ".DS_Store", "person1_virus_6.jpeg", "d"]),
)


def test_chest_xray_pneumonia(batch: "Callable[..., Batch]") -> None:
    """The inner copy, system files and the source's own division are passed over; the patient is in the name."""
    files = batch(
        "chest_xray/train/NORMAL/IM-0115-0001.jpeg",
        "chest_xray/test/NORMAL/NORMAL2-IM-0501-0001.jpeg",
        "chest_xray/train/PNEUMONIA/person12_bacteria_46.jpeg",
        "chest_xray/test/PNEUMONIA/person12_virus_7.jpeg",
        "chest_xray/chest_xray/train/NORMAL/IM-0115-0001.jpeg",
        "chest_xray/chest_xray/test/PNEUMONIA/person12_virus_7.jpeg",
        "chest_xray/chest_xray/.DS_Store",
        "chest_xray/__MACOSX/train/NORMAL/._IM-0115-0001.jpeg",
        "chest_xray/train/Thumbs.db",
    )
    reading = files.read(ClassFolders())
    assert [(record.patient, record.label, record.finding) for record in reading.records] == [
        ("kaggle-cxr:NORMAL2-IM-0501", "normal", "NORMAL"),
        ("kaggle-cxr:person12", "pneumonia", "viral pneumonia"),
        ("kaggle-cxr:IM-0115", "normal", "NORMAL"),
        ("kaggle-cxr:person12", "pneumonia", "bacterial pneumonia"),
    ]
    assert reading.passed_over == {"inner copy": 2, "system file": 3}


def test_only_the_inner_copy(batch: "Callable[..., Batch]") -> None:
    """A doubled folder alone makes no copy: the images are read where there is nothing that they repeat."""
    reading = batch("chest_xray/chest_xray/val/NORMAL/IM-1-1.jpeg").read(ClassFolders())
    assert len(reading.records) == 1


@pytest.mark.parametrize("above", ["", "Data/", "a/b/train/", "test/"])
def test_flat_classes_in_any_case(batch: "Callable[..., Batch]", above: str) -> None:
    """Three class folders are read in any case, below any folders; no patient is invented."""
    reading = batch(f"{above}covid/COVID-1.jpg", f"{above}NORMAL/1.PNG", f"{above}Pneumonia/1.jpeg").read(
        ClassFolders()
    )
    assert {record.label for record in reading.records} == {"covid", "normal", "pneumonia"}
    assert {record.patient for record in reading.records} == {None}


def test_radiography_database(batch: "Callable[..., Batch]") -> None:
    """Masks and spreadsheets are passed over; a class without a finding here keeps its words and has no label."""
    root = "COVID-19_Radiography_Dataset"
    files = batch(
        f"{root}/COVID/images/COVID-1.png",
        f"{root}/COVID/masks/COVID-1.png",
        f"{root}/Lung_Opacity/images/Lung_Opacity-1.png",
        f"{root}/Normal/Normal-1.png",
        f"{root}/Viral Pneumonia/images/Viral Pneumonia-1.png",
        f"{root}/COVID.metadata.xlsx",
        f"{root}/README.md.txt",
    )
    reading = files.read(ClassFolders())
    assert [(record.finding, record.label) for record in reading.records] == [
        ("COVID", "covid"),
        ("Lung_Opacity", None),
        ("Normal", "normal"),
        ("Viral Pneumonia", "pneumonia"),
    ]
    assert reading.records[1].problems == ("its finding is none of covid, pneumonia, normal",)
    assert reading.passed_over == {"lung mask": 1, "spreadsheet": 1, "document": 1}


def test_images_in_no_class_folder(batch: "Callable[..., Batch]") -> None:
    """An image beside the class folders has no label; its folder's name, which may be a person's, is not kept."""
    record, _ = batch("Doe_John/1.png", "covid/1.png").read(ClassFolders()).records
    assert (record.finding, record.problems) == (None, ("the image lies in no class folder",))


@pytest.mark.parametrize(
    ("names", "recognised"),
    [
        (["covid/1.png"], True),
        (["covid/1.png", "other/1.png"], True),
        (["covid/1.png", "other/1.png", "other/2.png"], False),
        (["covid/readme.txt"], False),
        (["covid/masks/1.png"], False),
        (["1.png"], False),
        ([], False),
    ],
)
def test_recognises(names: list[str], recognised: bool) -> None:
    """The layout is seen when at least half of the images lie in class folders."""
    assert ClassFolders().recognises(names) is recognised


@settings(deadline=None)
@given(st.lists(NAME | st.text(), max_size=12))
def test_every_name_is_counted_once(names: list[str]) -> None:
    """Records and what was passed over are all names, whatever the names."""

    def no_dicom(name: str, /, *, first: int | None = None) -> bytes:
        return b""

    reading = ClassFolders().read(names, no_dicom)
    assert len(reading.records) + sum(reading.passed_over.values()) == len(set(names))
