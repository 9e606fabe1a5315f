"""A BIMCV tree with every defect of the published sets through the whole ingest: what the catalog says of each."""

from typing import TypeAlias

import pandas as pd
import pytest

from apps.push import push_batch
from flows.ingest import ingest
from flows.running import run_flow
from storage import catalog
from storage.settings import Settings
from storage.store import open_store
from tests.conftest import SALT
from tests.flows.defects import CASES, IN_BOTH, NOTES, PASSED_OVER, Case, write_defective_tree
from xray_model.config import IngestOptions
from xray_model.outcomes import BatchOutcome, BatchStatus

Ingested: TypeAlias = tuple[BatchOutcome, dict[str, Case], pd.DataFrame]


@pytest.fixture(scope="module")
def ingested(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    """What became of the batch, its cases by image, and its rows in the catalog by image."""
    folder = tmp_path_factory.mktemp("defects")
    cases = write_defective_tree(folder / "tree")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XRAY_HOME", str(folder / "home"))
        patch.setenv("XRAY_SALT", SALT)
        patch.delenv("XRAY_STORE", raising=False)
        push_batch(folder / "tree", "bimcv", "defects")
        (outcome,) = run_flow(ingest, IngestOptions(shard_size=16))
        rows = catalog.load_rows(open_store(Settings()).objects, catalog.SCHEMA.names)
    rows.index = pd.Index([key.removeprefix("incoming/bimcv/defects/") for key in rows["key"]])
    return outcome, cases, rows


@pytest.mark.parametrize("what", [case.what for case in CASES])
def test_record_or_reason(ingested: Ingested, what: str) -> None:
    """Every defect has the record that is expected of it, or stands in quarantine with its reason."""
    _, cases, rows = ingested
    name, case = next((name, case) for name, case in cases.items() if case.what == what)
    (row,) = rows.loc[[name]].astype(object).where(rows.loc[[name]].notna(), None).to_dict("records")
    assert (row["label"], row["view"], row["sex"], row["age"]) == (case.label, case.view, case.sex, case.age)
    assert tuple(row["problems"]) == case.problems
    assert (row["status"], [*row["reasons"]]) == (("quarantined", [case.refused]) if case.refused else ("accepted", []))
    assert row["inverted"] == ("MONOCHROME1" in case.what)
    assert row["window_path"] == (case.window_path or row["window_path"])
    assert row["inversion"] < 0, "the picture was shown in negative"


def test_the_batch_as_a_whole(ingested: Ingested) -> None:
    """No image is lost, CT and other files are counted, and so is what the tables hold beyond the images."""
    outcome, cases, rows = ingested
    assert (outcome.status, outcome.layout, outcome.read) == (BatchStatus.ACCEPTED, "bimcv", len(CASES))
    assert sorted(rows.index) == sorted(cases)
    assert outcome.passed_over == PASSED_OVER
    assert outcome.notes == NOTES


def test_patients(ingested: Ingested) -> None:
    """One person is one pseudonym over studies and over both sets; everybody else is somebody else."""
    _, cases, rows = ingested
    by_case: dict[str, set[str]] = {}
    for name, case in cases.items():
        person = case.patient or ("both" if case.what in IN_BOTH else case.what)
        by_case.setdefault(person, set()).add(str(rows.at[name, "patient_id"]))
    assert all(len(pseudonyms) == 1 for pseudonyms in by_case.values())
    assert rows["patient_id"].nunique() == len(by_case)
    assert rows.groupby("patient_id")["split"].nunique().max() == 1


def test_no_identity_but_in_keys(ingested: Ingested) -> None:
    """No birth date, and no number of a patient or a study, stands in the catalog except in the keys."""
    outcome, _, rows = ingested
    told = rows.drop(columns="key").to_csv(index=False) + outcome.model_dump_json()
    for secret in ("19570102", "1957-01-02", "S100", "E200", ".png"):
        assert secret not in told
    assert rows["key"].str.contains("sub-S100").all()
