"""The tables of a written BIMCV tree: participants, sessions, scans, partitions, reports and tests."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import numpy as np

from xray_model.data.phantoms.cohort import Exam

_REPORT_COLUMNS = (
    *("Unnamed: 0", "PatientID", "ReportID", "Report", "Labels", "Localizations"),
    *("LabelsLocalizationsBySentence", "labelCUIS", "LocalizationsCUIS"),
)
_BESIDE = {
    "covid": (
        *("pneumonia", "increased density", "ground glass pattern", "interstitial pattern", "alveolar pattern"),
        *("infiltrates", "viral pneumonia", "consolidation"),
    ),
    "pneumonia": ("consolidation", "alveolar pattern", "increased density", "pleural effusion", "infiltrates"),
}
_TEXT = {
    "covid": "opacidades perifericas bilaterales en vidrio deslustrado",
    "normal": "sin hallazgos pleuropulmonares",
    "pneumonia": "consolidacion lobar con broncograma aereo",
}
_CODES = {"covid": "C5203670", "normal": "C0205307", "pneumonia": "C0032285"}
_PLACES = {"covid": "loc bilateral", "normal": "", "pneumonia": "loc lobar"}

Listed = Sequence[tuple[Exam, str]]
"""Exams with the names of their images."""


def write_tables(tree: Path, listed: Listed, seed: int, *, positive: bool) -> None:
    """Write every table of one tree.

    Args:
        tree: `.../covid19_posi` or `.../covid19_neg`; the folders of its images exist.
        listed: its exams, each patient's together, in the order of sessions.
        seed: of the gaps and doubles that the tables have.
        positive: whether it is the positive set, which alone has tests.
    """
    rng = np.random.default_rng([seed, 3, int(positive)])
    people, partitions, tests = [], [], []
    for number, group in groupby(listed, key=lambda pair: pair[0].patient.number):
        exams = list(group)
        subject = f"sub-S{number:05d}"
        people.append(_participant(subject, exams))
        partitions += [_partition(exam, name, positive=positive) for exam, name in exams]
        tests.append(_test(rng, number, exams[0][0]))
        _write_sessions(tree / subject, subject, exams)
    _write(tree / "participants.tsv", ("participant", "modality_dicom", "body_parts", "age", "gender"), people)
    derivatives = tree / "derivatives"
    labels = "labels_covid19_posi.tsv" if positive else "Labels_covid_NEG_JAN21.tsv"
    _write(derivatives / "labels" / labels, _REPORT_COLUMNS, _reports(rng, listed))
    _write(derivatives / "partitions.tsv", ("subject", "session", "filepath"), partitions)
    if positive:
        columns = ("label", "subject", "date", "test", "result", "participant")
        _write(derivatives / "EHR" / "sil_reg_covid_posi.tsv", columns, tests)


def _participant(subject: str, exams: Listed) -> tuple[object, ...]:
    patient = exams[0][0].patient
    modalities = sorted({"CR" if exam.view == "AP" else "DX" for exam, _ in exams})
    ages = sorted({int(patient.age), int(patient.age + (exams[-1][0].day - exams[0][0].day).days / 365.25)})
    return subject, "[" + ",".join(f"'{m}'" for m in modalities) + "]", "[['CHEST']]", ages, patient.sex


def _partition(exam: Exam, name: str, *, positive: bool) -> tuple[object, ...]:
    """The negative set's own table leaves out the folder `mod-rx`."""
    path = name.partition("/")[2]
    return f"S{exam.patient.number:05d}", f"E{exam.session:05d}", path if positive else path.replace("mod-rx/", "")


def _test(rng: np.random.Generator, number: int, first: Exam) -> tuple[object, ...]:
    day = first.day + timedelta(days=int(rng.integers(-2, 3)))
    result = "POSITIVO" if first.patient.finding == "covid" else "NEGATIVO"
    return f"{number:06d}", f"{number:06d}", day.strftime("%d.%m.%Y"), "PCR", result, f"sub-S{number:05d}"


def _write_sessions(folder: Path, subject: str, exams: Listed) -> None:
    rows = []
    for session, group in groupby(exams, key=lambda pair: pair[0].session):
        images = list(group)
        rows.append((f"ses-E{session:05d}", f"{images[0][0].day:%Y%m%d}.0", ""))
        scans = folder / f"ses-E{session:05d}" / f"{subject}_ses-E{session:05d}_scans.tsv"
        _write(scans, ("filename", "view"), [("mod-rx/" + name.rpartition("/")[2], exam.view) for exam, name in images])
    _write(folder / f"{subject}_sessions.tsv", ("session_id", "study_date", "medical_evaluation"), rows)


def _reports(rng: np.random.Generator, listed: Listed) -> list[tuple[object, ...]]:
    """One row per session, and a few for sessions that have no image."""
    rows: list[tuple[object, ...]] = []
    before: int | None = None
    for (number, session), group in groupby(listed, key=lambda pair: (pair[0].patient.number, pair[0].session)):
        finding = next(group)[0].patient.finding
        words = (
            ["unchanged"] if number == before and rng.random() < 0.25 else _words(rng, finding, first=number != before)
        )
        before = number
        place = repr([_PLACES[finding]] if _PLACES[finding] else [])
        both = [words[0].strip(), _PLACES[finding]]
        row = f"sub-S{number:05d}", f"ses-E{session:05d}", _TEXT[finding], repr(words), place, repr([both])
        rows.append((len(rows), *row, repr([_CODES[finding]]), "[]"))
        if rng.random() < 0.05:
            lost = f"sub-S{number:05d}", f"ses-E{90000 + len(rows)}", "", "", "[]", "[]", "[]", "[]"
            rows.append((len(rows), *lost))
    return rows


def _words(rng: np.random.Generator, finding: str, *, first: bool) -> list[str]:
    """The items of a label cell, with the blanks, empty items and repeats that the set's own cells have."""
    words = {"covid": ["COVID 19"], "normal": ["normal"], "pneumonia": ["pneumonia"]}[finding]
    if beside := _BESIDE.get(finding):
        words = words + [str(word) for word in rng.choice(beside, int(rng.integers(0, 4)), replace=False)]
    # Only the first session is sure to lie near the test that confirms a suspicion.
    if finding == "covid" and first and rng.random() < 0.05:
        words = ["COVID 19 uncertain", *words[1:], "pneumonia"]
    if rng.random() < 0.3:
        words.insert(int(rng.integers(1, len(words) + 1)), "")
    if rng.random() < 0.15:
        words.append(words[0])
    return [f" {word}" if word and rng.random() < 0.3 else word for word in words]


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(str(cell) for cell in row) for row in (columns, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
