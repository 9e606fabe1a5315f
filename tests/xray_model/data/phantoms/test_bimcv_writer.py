"""The BIMCV layout as it is written: against the data set's own description, and against our reader."""

import ast
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from xray_model.data.images import decode_image
from xray_model.data.layouts.bimcv import Bimcv
from xray_model.data.phantoms import CohortOptions, Written, plan_cohort, write_bimcv
from xray_model.data.phantoms.bimcv_tables import write_tables

Batch = tuple[Path, Written]
MakeOptions = Callable[..., CohortOptions]
TreeOf = Callable[[Path], dict[str, bytes]]

NAME = re.compile(
    r"covid19_(posi|neg)/(sub-S\d{5})/(ses-E\d{5})/mod-rx/\2_\3_run-\d_bp-chest_vp-(pa|ap|ll)_(cr|dx)\.png"
)


def table(path: Path) -> pd.DataFrame:
    """A tab-separated table as text."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def test_names_follow_the_set(bimcv: Batch) -> None:
    """Every image lies where the set would have it, is a 16-bit PNG, and has a sidecar beside it."""
    folder, written = bimcv
    assert written.images == len(list(folder.rglob("*.png")))
    for name in written.answers:
        assert NAME.fullmatch(name)
        assert (folder / name).read_bytes()[24] == 16
        assert (folder / name).with_suffix(".json").is_file()


def test_the_reader_finds_what_the_answer_sheet_says(bimcv: Batch) -> None:
    """Label, patient, view, sex, age and photometric interpretation of every image are read back."""
    folder, written = bimcv
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    reading = Bimcv().read(names, lambda name, first=None: (folder / name).read_bytes()[:first])
    assert {record.name for record in reading.records} == set(written.answers)
    for record in reading.records:
        answer = written.answers[record.name]
        found = (record.label, record.patient, record.view, record.sex, record.age, record.display.monochrome1)
        assert found == (answer.label, answer.patient, answer.view, answer.sex, answer.age, answer.monochrome1)
        assert not record.problems
    assert written.counts.keys() == {"covid", "normal", "pneumonia"}


def test_participants_hold_lists_written_as_text(bimcv: Batch) -> None:
    """`participants.tsv` has one row per patient with list-valued strings."""
    folder, written = bimcv
    people = pd.concat([table(path) for path in folder.glob("*/participants.tsv")])
    assert list(people.columns) == ["participant", "modality_dicom", "body_parts", "age", "gender"]
    assert len(people) == written.patients == people["participant"].nunique()
    assert all(set(ast.literal_eval(cell)) <= {"CR", "DX"} for cell in people["modality_dicom"])
    assert all(ast.literal_eval(cell)[0] >= 18 for cell in people["age"])
    assert set(people["gender"]) <= {"M", "F"}


def test_label_cells_have_the_sets_blanks_and_gaps(tmp_path: Path, make_options: MakeOptions) -> None:
    """Label cells are lists written as text, some with blanks, empty items or `unchanged`; some rows have no image."""
    exams = plan_cohort(make_options(patients=150, further_share=0.5, shares={"covid": 1, "normal": 1}))
    write_tables(tmp_path, [(exam, f"covid19_posi/{place}.png") for place, exam in enumerate(exams)], 7, positive=True)
    labels = table(tmp_path / "derivatives/labels/labels_covid19_posi.tsv")
    assert list(labels.columns) == [
        *("Unnamed: 0", "PatientID", "ReportID", "Report", "Labels", "Localizations"),
        *("LabelsLocalizationsBySentence", "labelCUIS", "LocalizationsCUIS"),
    ]
    items = [item for cell in labels["Labels"] if cell for item in ast.literal_eval(cell)]
    assert {"COVID 19", "normal", "unchanged", ""} <= set(items)
    assert any(item.startswith(" ") for item in items)
    assert {f"ses-E{exam.session:05d}" for exam in exams} < set(labels["ReportID"])


def test_sessions_scans_partitions_and_tests_name_what_is_there(bimcv: Batch) -> None:
    """The small tables parse and name existing sessions and images."""
    folder, _ = bimcv
    for path in folder.glob("*/sub-*/sub-*_sessions.tsv"):
        sessions = table(path)
        assert list(sessions.columns) == ["session_id", "study_date", "medical_evaluation"]
        assert all((path.parent / session).is_dir() for session in sessions["session_id"])
        assert all(re.fullmatch(r"20\d{6}\.0", day) for day in sessions["study_date"])
    for path in folder.glob("*/sub-*/ses-*/*_scans.tsv"):
        assert all((path.parent / name).is_file() for name in table(path)["filename"])
    posi, neg = (table(folder / tree / "derivatives/partitions.tsv") for tree in ("covid19_posi", "covid19_neg"))
    assert all((folder / "covid19_posi" / name).is_file() for name in posi["filepath"])
    assert not neg["filepath"].str.contains("mod-rx").any()
    tests = table(folder / "covid19_posi/derivatives/EHR/sil_reg_covid_posi.tsv")
    assert set(tests["test"]) == {"PCR"}
    assert set(tests["result"]) <= {"POSITIVO", "NEGATIVO"}
    assert all(re.fullmatch(r"\d\d\.\d\d\.20\d\d", day) for day in tests["date"])


def test_high_values_are_dark_only_with_the_makers_that_store_so(bimcv: Batch) -> None:
    """MONOCHROME1 is tied to its manufacturers, as in the set."""
    folder, _ = bimcv
    pairs = set()
    for path in folder.rglob("mod-rx/*.json"):
        tags = json.loads(path.read_text(encoding="utf-8"))
        pairs.add((tags["00080070"]["Value"][0], tags["00280004"]["Value"][0]))
    assert {maker for maker, photometric in pairs if photometric == "MONOCHROME1"} <= {
        *("GMM", "FUJIFILM Corporation", "Agfa"),
    }
    assert {photometric for _, photometric in pairs} == {"MONOCHROME1", "MONOCHROME2"}
    assert {p for maker, p in pairs if maker in {"GMM", "FUJIFILM Corporation"}} <= {"MONOCHROME1"}


def test_every_image_decodes_with_bright_bones(bimcv: Batch) -> None:
    """Read with its sidecar, every frontal image has its blacks and whites the right way round."""
    folder, written = bimcv
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    paths = set()
    for record in Bimcv().read(names, lambda name, first=None: (folder / name).read_bytes()[:first]).records:
        facts = decode_image((folder / record.name).read_bytes(), record.display, 128).facts
        paths.add(facts.window_path)
        if written.answers[record.name].view != "L":
            assert facts.quality.inversion < 0
    assert paths == {"window", "percentiles"}


def test_drift_brings_a_new_maker(tmp_path: Path, make_options: MakeOptions) -> None:
    """A fully drifted cohort comes from one scanner that the others have not."""
    write_bimcv(tmp_path, make_options(patients=6, drift=1.0))
    makers = {
        json.loads(p.read_text(encoding="utf-8"))["00080070"]["Value"][0] for p in tmp_path.rglob("mod-rx/*.json")
    }
    assert makers == {"Canon Inc."}


def test_bytes_depend_on_the_seed_and_not_on_the_workers(
    tmp_path: Path, make_options: MakeOptions, tree_of: TreeOf
) -> None:
    """Written twice, alone or by two processes, a seed gives the same files; another seed gives others."""
    told: list[tuple[int, int]] = []
    chosen = make_options(patients=6)
    write_bimcv(tmp_path / "a", chosen)
    write_bimcv(tmp_path / "b", chosen, workers=2, on_image=lambda done, total: told.append((done, total)))
    assert tree_of(tmp_path / "a") == tree_of(tmp_path / "b")
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]
    write_bimcv(tmp_path / "c", make_options(patients=6, seed=8))
    assert not set(tree_of(tmp_path / "a").values()) & {
        data for name, data in tree_of(tmp_path / "c").items() if name.endswith(".png")
    }


def test_archives_take_the_place_of_the_trees(tmp_path: Path, make_options: MakeOptions, tree_of: TreeOf) -> None:
    """Packed, two parts hold the very same files with no trace of the machine, byte for byte the same each time."""
    chosen = make_options(patients=8, shares={"covid": 1, "normal": 1})
    write_bimcv(tmp_path / "plain", chosen)
    packed = [write_bimcv(tmp_path / folder, chosen, archive=True) for folder in ("one", "two")]
    parts = [path.name for path in packed[0].archives]
    assert parts == ["covid19_posi_part1.tgz", "covid19_posi_part2.tgz"]
    assert tree_of(tmp_path / "one") == tree_of(tmp_path / "two")
    assert set(tree_of(tmp_path / "one")) == set(parts)
    found = {}
    for path in packed[0].archives:
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert [m.name for m in members] == sorted(m.name for m in members)
            assert {(m.mtime, m.uid, m.gid, m.uname) for m in members} == {(0, 0, 0, "")}
            for member in members:
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
    assert found == tree_of(tmp_path / "plain")


@pytest.mark.parametrize("finding", ["covid", "normal"])
def test_a_cohort_of_one_finding_needs_no_negative_set(tmp_path: Path, make_options: MakeOptions, finding: str) -> None:
    """Without pneumonia there is no tree of the negative set."""
    write_bimcv(tmp_path, make_options(patients=2, shares={finding: 1}))
    assert [path.name for path in tmp_path.iterdir()] == ["covid19_posi"]
