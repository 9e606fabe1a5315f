"""The Kaggle layouts as they are written, against our reader."""

import re
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from xray_model.data.layouts.class_folders import ClassFolders
from xray_model.data.phantoms import CohortOptions, Written, write_class_folders
from xray_model.errors import ConfigurationError

Batch = tuple[Path, Written]
MakeOptions = Callable[..., CohortOptions]
TreeOf = Callable[[Path], dict[str, bytes]]

NAME = re.compile(
    r"chest_xray/(train|test)/(NORMAL/(NORMAL2-)?IM-\d{4}-\d{4}|PNEUMONIA/person\d+_(bacteria|virus)_\d+)\.jpeg"
)


def no_table(name: str, /, *, first: int | None = None) -> bytes:
    """Fails: a class-folder reader opens nothing."""
    raise AssertionError(name)


def test_names_follow_the_set_and_the_reader_understands_them(kaggle: Batch) -> None:
    """Every name is one of the set's, and label and patient are read back from it."""
    folder, written = kaggle
    assert all(NAME.fullmatch(name) for name in written.answers)
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    records = ClassFolders().read(names, no_table).records
    assert {r.name: (r.label, r.patient) for r in records} == {
        name: (answer.label, answer.patient) for name, answer in written.answers.items()
    }


def test_a_patient_lies_in_one_folder(kaggle: Batch) -> None:
    """No patient is in both train and test."""
    folders = defaultdict(set)
    for name, answer in kaggle[1].answers.items():
        folders[answer.patient].add(name.split("/")[1])
    assert set(map(len, folders.values())) == {1}


def test_three_classes_lie_flat_and_tell_no_patient(tmp_path: Path, make_options: MakeOptions) -> None:
    """COVID, NORMAL and PNEUMONIA folders are read with their labels and without patients."""
    written = write_class_folders(tmp_path, make_options(patients=8), three_classes=True)
    assert {name.split("/")[1] for name in written.answers} == {"COVID", "NORMAL", "PNEUMONIA"}
    records = ClassFolders().read(list(written.answers), no_table).records
    assert {(r.label, r.patient) for r in records} == {(label, None) for label in ("covid", "normal", "pneumonia")}
    assert written.patients == 0


def test_a_zip_holds_the_images_and_a_macs_leftovers(
    tmp_path: Path, make_options: MakeOptions, tree_of: TreeOf
) -> None:
    """Packed, the same bytes come out each time, beside `__MACOSX/` and `.DS_Store`."""
    chosen = make_options(patients=6, shares={"normal": 1, "pneumonia": 1})
    write_class_folders(tmp_path / "plain", chosen)
    packed = [write_class_folders(tmp_path / folder, chosen, archive=True) for folder in ("one", "two")]
    assert tree_of(tmp_path / "one") == tree_of(tmp_path / "two")
    with zipfile.ZipFile(packed[0].archives[0]) as archive:
        names = archive.namelist()
        assert {name: archive.read(name) for name in packed[0].answers} == tree_of(tmp_path / "plain")
    assert "chest_xray/.DS_Store" in names
    assert sum(name.startswith("__MACOSX/") for name in names) == packed[0].images
    reading = ClassFolders().read(names, no_table)
    assert len(reading.records) == packed[0].images


def test_covid_has_no_folder_in_the_two_class_set(tmp_path: Path, make_options: MakeOptions) -> None:
    """A cohort with covid is refused before anything is written."""
    with pytest.raises(ConfigurationError, match="three_classes"):
        write_class_folders(tmp_path / "batch", make_options())
    assert not (tmp_path / "batch").exists()
