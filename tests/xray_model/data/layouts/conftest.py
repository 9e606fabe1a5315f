"""Batches made of names and small tables: no reader may open anything else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from xray_model.data.records import Layout, Reading, Record
from xray_model.errors import ObjectNotFound

Tags = Mapping[str, Any]

SIDECAR: Tags = {
    "00080020": {"vr": "DA", "Value": ["20200315"]},
    "00080060": {"vr": "CS", "Value": ["DX"]},
    "00080070": {"vr": "LO", "Value": ["GMM"]},
    "00100030": {"vr": "DA", "Value": ["19570102"]},
    "00280004": {"vr": "CS", "Value": ["MONOCHROME2"]},
}


@dataclass
class Batch:
    """Files by name; an image's bytes are None, so that opening one fails the test. DICOM files have bytes."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def open_file(self, name: str, /, *, first: int | None = None) -> bytes:
        """Read a table or sidecar, or the start of a DICOM file."""
        (self.opened if first is None else self.started).append(name)
        if name not in self.files:
            raise ObjectNotFound("the test's batch holds no such file")
        data = self.files[name]
        assert data is not None, "a reader opened an image"
        return data[:first]

    def read(self, layout: Layout) -> Reading:
        """Read the batch, and hold the reader to what every reader owes."""
        names = list(reversed(self.files))
        reading = layout.read(names, self.open_file)
        assert sorted(set(self.started)) == layout.headers(names)
        assert sorted(set(self.opened) - set(self.started)) == sorted(layout.needs(names))
        assert [record.name for record in reading.records] == sorted(record.name for record in reading.records)
        counted = len(reading.records) + sum(reading.passed_over.values()) + reading.metadata_files
        assert counted == len(self.files)
        return reading

    def records(self, layout: Layout) -> dict[str, Record]:
        """Records by file name."""
        return {record.name.rpartition("/")[2]: record for record in self.read(layout).records}


@dataclass
class BimcvTree(Batch):
    """A BIMCV tree that a test fills with what it is about."""

    root: str = "data/covid19_posi"

    def add_image(
        self,
        patient: str,
        session: str,
        rest: str = "run-1_bp-chest_vp-pa_dx.png",
        *,
        sidecar: Tags | bytes | None = SIDECAR,
        level: str = "mod-rx/",
    ) -> str:
        """Add an image and its sidecar (none where it is None), and return its file name."""
        name = f"sub-{patient}_ses-{session}_{rest}"
        path = f"{self.root}/sub-{patient}/ses-{session}/{level}{name}"
        self.files[path] = None
        if sidecar is not None:
            data = sidecar if isinstance(sidecar, bytes) else json.dumps(sidecar).encode()
            self.files[path.rpartition(".")[0] + ".json"] = data
        return name

    def add_labels(self, *rows: tuple[str, str, str], name: str = "labels_covid_posi.tsv") -> None:
        """Add a label table with rows of patient, session and label cell, as pandas wrote the published ones."""
        header = "\tPatientID\tReportID\tReport\tLabels\tLocalizations\tLabelsLocalizationsBySentence\tlabelCUIS"
        lines = [
            f"{i}\tsub-{patient}\tses-{session}\tinforme, sin más\t{cell}\t['loc right']\t[]\t[]"
            for i, (patient, session, cell) in enumerate(rows)
        ]
        self.add_table(f"derivatives/labels/{name}", header, *lines)

    def add_sessions(self, patient: str, **days: str) -> None:
        """Add a patient's sessions table: day by session."""
        lines = [f"ses-{session}\t{day}\tinforme" for session, day in days.items()]
        self.add_table(
            f"sub-{patient}/sub-{patient}_sessions.tsv", "session_id\tstudy_date\tmedical_evaluation", *lines
        )

    def add_tests(self, *rows: tuple[str, str, str, str], name: str = "sil_reg_covid_posi.tsv") -> None:
        """Add a table of tests with rows of patient, day, test and result."""
        lines = [f"{i}\t{i}\t{day}\t{test}\t{result}\tsub-{who}" for i, (who, day, test, result) in enumerate(rows)]
        self.add_table(f"derivatives/EHR/{name}", "label\tsubject\tdate\ttest\tresult\tparticipant", *lines)

    def add_table(self, name: str, *lines: str) -> None:
        """Add any text file below the root."""
        self.files[f"{self.root}/{name}"] = "\n".join([*lines, ""]).encode()


@pytest.fixture
def tree() -> BimcvTree:
    """An empty positive tree."""
    return BimcvTree()


@pytest.fixture
def batch() -> Callable[..., Batch]:
    """Make a batch of images (by name), DICOM files (by name, with bytes) and tables (by name and text or bytes)."""

    def make(*images: str, dicom: Mapping[str, bytes] | None = None, **tables: str | bytes) -> Batch:
        files: dict[str, bytes | None] = {**dict.fromkeys(images), **(dicom or {})}
        for name, table in tables.items():
            files[f"{name}.csv"] = table if isinstance(table, bytes) else table.encode()
        return Batch(files)

    return make
