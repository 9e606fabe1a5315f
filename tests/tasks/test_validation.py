"""Judging rows: what each is refused for, and every expectation that it fails."""

import pandas as pd

from expectations.running import Validation
from tasks.validation import judge_rows


def test_failed_holds_notes_that_refuse_nothing() -> None:
    """A row keeps the codes of all that it fails: a note does not refuse it, and a row that fails nothing has none."""
    rows = pd.DataFrame({"image_id": ["a", "b", "c"]}, index=[4, 5, 6])
    validation = Validation(
        refusals={1: ["is too dark to read"]},
        hold=(),
        results=(),
        failed={0: ["sex-unknown"], 1: ["sex-unknown", "too-dark"]},
    )
    judged = judge_rows(rows, validation)
    assert judged["failed"].tolist() == [["sex-unknown"], ["sex-unknown", "too-dark"], []]
    assert judged["status"].tolist() == ["accepted", "quarantined", "accepted"]
