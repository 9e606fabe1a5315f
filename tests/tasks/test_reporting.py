"""Reporting: what of a batch's rows reaches its validation page, and what Prefect is told of a night."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expectations.running import check_duplicates, check_images, judge_batch
from storage.catalog import SCHEMA, commit_batch
from storage.reports import keys
from storage.store import Store
from tasks import reporting
from tasks.validation import judge_rows
from xray_model.data.bounds import DEFAULTS
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    DriftOutcome,
    DriftState,
    ExpectationResult,
    NightOutcome,
    RetrainOutcome,
)

IDENTITY = "GARCIA^MARIA^19540229"
ODD_NUMBER = 77123.25
NOTED, NAMELESS = "a" * 64, "0" * 64


def planted_rows() -> pd.DataFrame:
    """One row with an identity in every text, one with an odd number in every figure, one sound but for its sex."""
    texts = [field.name for field in SCHEMA if str(field.type) == "string"]
    numbers = [field.name for field in SCHEMA if str(field.type) in {"double", "int16", "int32"}]
    sound: dict[str, Any] = dict.fromkeys([*texts, *numbers], None)
    sound |= {"image_id": NOTED, "batch_id": "clinic.one.1", "source": "clinic", "label": "covid", "finding": "covid"}
    sound |= {"patient_id": "1" * 32, "split": "train", "sex": "F", "problems": (), "width": 400, "height": 400}
    sound |= {"std": 50, "mean": 120, "entropy": 7, "inversion": -8, "border": 0, "saturated": 0, "aspect": 1}
    named = sound | dict.fromkeys(texts, IDENTITY) | {"problems": (IDENTITY,), "batch_id": "clinic.one.1"}
    odd = sound | dict.fromkeys(numbers, ODD_NUMBER) | {"image_id": NAMELESS, "key": IDENTITY}
    noted = sound | {"sex": IDENTITY, "key": IDENTITY}
    rows = pd.DataFrame([named, odd, noted])
    return rows.astype({"shard": "Int32", "row": "Int32"} | dict.fromkeys(texts, object), errors="ignore")


@pytest.fixture
def batch(store: Store) -> BatchOutcome:
    """The planted rows, judged by the suites and committed."""
    rows = planted_rows()
    validation = judge_batch(
        rows, [check_images(rows, DEFAULTS), check_duplicates(rows)], pd.DataFrame(columns=["source", "label", "age"])
    )
    judged = judge_rows(rows, validation)
    # The odd numbers stand in columns of small integers, which the catalog would refuse.
    kept = judged.assign(**{field.name: None for field in SCHEMA if "int" in str(field.type)})
    status = BatchStatus.HELD if validation.hold else BatchStatus.ACCEPTED
    outcome = BatchOutcome(
        batch_id="clinic.one.1",
        source="clinic",
        name="one",
        status=status,
        read=3,
        reasons=validation.hold,
        expectations=validation.results,
    )
    commit_batch(store.objects, kept, outcome)
    return outcome


def test_no_value_of_a_row_reaches_the_validation(store: Store, batch: BatchOutcome) -> None:
    """An identity in any text of a row, or a figure of it, stands neither on the page nor in the data nor the index."""
    reporting.write_batch_report(store, batch)
    told = [key for key in (info.key for info in store.objects.list("reports/")) if "validation" in key]
    assert {keys.validation_page(batch), keys.validation_data(batch)} < set(told)
    for key in told:
        text = store.objects.get(key).decode()
        for part in ("GARCIA", "MARIA", "19540229", "77123"):
            assert part not in text, (key, part)
    page = store.objects.get(keys.validation_page(batch)).decode()
    assert NOTED in page
    assert NAMELESS in page
    assert "1 image cannot be named here" in page


def test_failing_rows_are_told_by_code() -> None:
    """A row that fails several expectations is named under each; where codes were never kept there is none."""
    rows = pd.DataFrame({"image_id": ["a", "b", "c"], "failed": [["blank", "sex-unknown"], [], ["blank"]]})
    assert reporting.list_failing(rows) == {"blank": ["a", "c"], "sex-unknown": ["a"]}
    assert reporting.list_failing(rows.assign(failed=None)) == {}


def test_night_links_every_batch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's artifact leads to each batch's page and to its validation, and a sender's text cannot break out."""
    told: dict[str, str] = {}
    monkeypatch.setattr(reporting, "create_markdown_artifact", lambda **values: told.update(values))
    result = ExpectationResult(
        code="blank", sentence="", refusal="", severity="row", passed=True, evaluated=True, failures=0
    )
    sound = BatchOutcome(batch_id="a.b.1", source="a", name="b](evil)|", status=BatchStatus.ACCEPTED)
    asked = sound.model_copy(update={"batch_id": "a.c.1", "name": "c", "expectations": (result,)})
    now = datetime(2026, 3, 1, tzinfo=UTC)
    night = NightOutcome(
        night_id="20260301T000000Z-3f9a",
        started=now,
        finished=now,
        batches=(sound, asked),
        drift=DriftOutcome(state=DriftState.UNKNOWN, reasons=()),
        retrain=RetrainOutcome(trained=False, reasons=("Nothing new.",)),
        champion=None,
    )
    reporting.announce.fn(night, "reports/nights/n/index.html")
    text = told["markdown"]
    assert r"[a / b\]\(evil\)\|](file://" in text
    assert "/reports/batches/a.c.1/index.html) | accepted" in text
    assert text.count("/validation.html)") == 1
    assert "[validation](file://" in text
    assert "/reports/batches/a.c.1/validation.html)" in text
    assert "reports/nights/n/index.html)" in text
