"""The four real sources against their answer sheet."""

import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from xray_model.data.layouts.cells import read_sex, read_view
from xray_model.data.layouts.detection import detect_layout
from xray_model.data.records import Reading

pytestmark = pytest.mark.real

SOURCES = {
    "covid-cxnet": ("csv_table", 65),
    "ieee8023-covid-chestxray": ("csv_table", 274),
    "kaggle-chest-xray-pneumonia": ("class_folders", 0),
    "nih-chestxray8-subset-muhammedtalo": ("csv_table", 592),
}
"""Layout and table rows without an image, by source."""


@cache
def answers(folder: Path, source: str) -> dict[str, dict[str, str]]:
    """Rows of the answer sheet by file name below the source."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source]
    return {row["path"].removeprefix(f"{source}/"): row for row in rows}


@pytest.mark.parametrize("source", SOURCES)
def test_records_equal_the_answer_sheet(shared_data: Path, source: str) -> None:
    """Every image is read with the label, patient, view, sex and age of the answer sheet: no row differs.

    The sheet keeps the sources' words (`AP Supine`, `male`, `unlabelled`), so those are read by the same
    vocabulary; patients are compared without their name space.
    """
    root = shared_data / "xray" / source
    reading = read_folder(root)
    expected = answers(shared_data / "xray", source)
    assert sorted(record.name for record in reading.records) == sorted(expected)
    differing = []
    for record in reading.records:
        row = expected[record.name]
        ours = (record.label, record.patient, record.view, record.sex, record.age)
        space = (record.patient or "").partition(":")[0]
        theirs = (
            row["label"] if row["label"] != "unlabelled" else None,
            f"{space}:{row['patient_id'].partition(':')[2]}",
            read_view(row["view"]),
            read_sex(row["sex"]),
            float(row["age"]) if row["age"] else None,
        )
        if ours != theirs:
            differing.append((row["sha256"], ours, theirs))
    assert differing == []


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_lost(shared_data: Path, source: str) -> None:
    """The layout is the expected one, and rows without an image are counted."""
    reading = read_folder(shared_data / "xray" / source)
    layout, rows_without_image = SOURCES[source]
    assert reading.layout == layout
    assert reading.notes.get("table row without an image", 0) == rows_without_image


def test_problems_of_real_sources(shared_data: Path) -> None:
    """One image of the four sources has a problem: its table cell is blank, though its folder says covid19."""
    problems = Counter(
        problem
        for source in SOURCES
        for record in read_folder(shared_data / "xray" / source).records
        for problem in record.problems
    )
    assert problems == {
        "its source names no finding": 1,
        "the class folder and the table disagree on the finding; the table counts": 1,
    }


def read_folder(root: Path) -> Reading:
    """Read a folder as a batch: list the names, then open only what the reader needs."""
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    layout = detect_layout(names)
    needed = set(layout.needs(names))

    def open_file(name: str, /, *, first: int | None = None) -> bytes:
        assert name in needed
        return (root / name).read_bytes()[:first]

    reading = layout.read(names, open_file)
    counted = len(reading.records) + sum(reading.passed_over.values()) + reading.metadata_files
    assert counted == len(names)
    return reading
