"""Expectations: which rule fires on which rows, and what becomes of the batch."""

from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.datasource.fluent.interfaces import Batch

from expectations.duplicates import duplicates_suite
from expectations.pixels import pixels_suite
from expectations.records import records_suite
from expectations.rules import rule
from expectations.running import Checked, Validation, check_duplicates, check_images, judge_batch, run_suites
from xray_model.data.bounds import DEFAULTS

GOOD: dict[str, Any] = {
    "source": "a",
    "label": "covid",
    "finding": "COVID-19",
    "view": "PA",
    "patient_id": "0" * 32,
    "split": "train",
    "duplicate_of": None,
    "duplicate_kind": None,
    "age": 63.0,
    "sex": "F",
    "problems": (),
    "unreadable": None,
    "width": 400,
    "height": 480,
    "std": 50.0,
    "mean": 120.0,
    "entropy": 7.0,
    "inversion": -8.0,
    "border": 0.0,
    "saturated": 0.02,
    "aspect": 1.1,
}

NOTHING_ACCEPTED = pd.DataFrame(columns=["source", "label", "age"])

BAD: dict[str, dict[str, Any]] = {
    "image-id-missing": {"image_id": None},
    "image-id-malformed": {"image_id": "A" * 64},
    "label-missing": {"label": None},
    "label-unknown": {"label": "fracture"},
    "view-lateral": {"view": "L"},
    "patient-missing": {"patient_id": None},
    "patient-malformed": {"patient_id": "bimcv:S03044"},
    "split-unknown": {"split": "somewhere", "patient_id": "1" * 32},
    "duplicate-exact": {"duplicate_kind": "exact"},
    "duplicate-leak": {"duplicate_kind": "leak"},
    "duplicate-contradiction": {"duplicate_kind": "contradiction"},
    "age-range": {"age": 155.0},
    "too-small": {"width": 90},
    "blank": {"std": 1.0},
    "too-dark": {"mean": 10.0},
    "too-bright": {"mean": 250.0},
    "too-few-grays": {"entropy": 1.0},
    "inverted": {"inversion": 5.0},
    "wide-border": {"border": 0.8},
    "saturated": {"saturated": 0.9},
    "odd-shape": {"aspect": 4.0},
}


def validate_batch(rows: pd.DataFrame, images: Checked | None = None) -> Validation:
    """All suites on one batch."""
    return judge_batch(rows, [images or check_images(rows, DEFAULTS), check_duplicates(rows)], NOTHING_ACCEPTED)


def batch(*changes: dict[str, Any], good: int = 20) -> pd.DataFrame:
    """Good rows, then one row for each change, each an image of its own."""
    every: list[dict[str, Any]] = [{}] * good + [*changes]
    rows = [{**GOOD, "image_id": f"{place:064x}", **change} for place, change in enumerate(every)]
    return pd.DataFrame(rows).astype({"label": object, "unreadable": object, "finding": object})


@pytest.mark.parametrize("code", BAD)
def test_rule_fires_on_its_row_alone(code: str) -> None:
    """A bad row fails its rule and no other, and good rows fail none."""
    validation = validate_batch(batch(BAD[code]))
    fired = {result.code for result in validation.results if not result.passed}
    assert list(validation.refusals) == [20]
    assert fired - {"many-inverted"} == {code}


def test_every_row_rule_has_a_bad_row() -> None:
    """No rule stands in a suite without a case that makes it fire."""
    codes = {
        item.meta["code"]
        for suite in (records_suite(), pixels_suite(DEFAULTS), duplicates_suite())
        for item in suite.expectations
        if item.meta["severity"] == "row"
    }
    assert codes == {*BAD, "unreadable", "patient-in-two-splits"}


def test_unreadable_image_keeps_its_own_reason() -> None:
    """An image without pixels is refused once, with the decoder's words, and by no rule on pixels it has not."""
    nothing = dict.fromkeys(("width", "height", "std", "mean", "entropy", "inversion", "border", "saturated", "aspect"))
    validation = validate_batch(batch({**nothing, "unreadable": "the file is empty"}))
    assert validation.refusals == {20: ["the file is empty"]}


def test_patient_on_two_sides_is_refused_whole() -> None:
    """All images of a patient who stands in two splits are refused, and no other's; a missing one is no patient."""
    torn = {"patient_id": "f" * 32}
    lost = {"patient_id": None}
    validation = validate_batch(batch(torn, torn | {"split": "test"}, lost, lost | {"split": "test"}))
    words = "is of a patient who stands on two sides of the split"
    assert [place for place, reasons in validation.refusals.items() if words in reasons] == [20, 21]


def test_image_that_was_never_described_has_one_reason() -> None:
    """Where an image cannot be read and no table names it, its missing finding is not held against it as well."""
    gone = dict.fromkeys(("label", "finding", "width", "height", "std", "mean", "entropy", "inversion"))
    gone |= dict.fromkeys(("border", "saturated", "aspect"))
    one, named, readable = (
        gone | {"unreadable": "its archive is damaged"},
        gone | {"unreadable": "the file is empty", "finding": "fracture"},
        {"label": None, "finding": None},
    )
    lacking = "has no finding that the models here know"
    assert validate_batch(batch(one, named, readable)).refusals == {
        20: ["its archive is damaged"],
        21: [lacking, "the file is empty"],
        22: [lacking],
    }
    assert validate_batch(batch(*[one] * 3, good=0)).refusals == {
        place: ["its archive is damaged"] for place in range(3)
    }


def test_a_row_may_have_many_reasons() -> None:
    """Every failed rule of a row is listed."""
    validation = validate_batch(batch({"view": "L", "label": None, "mean": 10.0}))
    assert len(validation.refusals[20]) == 3


def test_missing_sex_age_and_view_refuse_nothing() -> None:
    """What a source does not tell is no reason to refuse an image."""
    validation = validate_batch(batch({"sex": None, "age": None, "view": None}))
    assert validation.refusals == {}
    assert validation.hold == ()


def test_notes_are_reported_and_refuse_nothing() -> None:
    """Damaged metadata is counted in the report alone."""
    validation = validate_batch(batch({"problems": ("its sidecar is not valid JSON",), "sex": "X"}))
    assert validation.refusals == {}
    noted = {result.code for result in validation.results if not result.passed}
    assert noted == {"metadata-problem", "sex-unknown"}


def test_mostly_refused_batch_is_held() -> None:
    """Where more than 30 % are refused the whole batch waits for a person."""
    validation = validate_batch(batch(*[{"view": "L"}] * 10))
    assert [sentence for sentence in validation.hold if "30%" in sentence]


def test_many_inverted_images_hold_the_batch() -> None:
    """More than 5 % inverted points to a scanner, and holds the batch with that sentence."""
    validation = validate_batch(batch(*[BAD["inverted"]] * 3))
    assert any("MONOCHROME" in sentence for sentence in validation.hold)


def test_empty_batch_is_held() -> None:
    """A batch without images is held, not waved through."""
    assert validate_batch(batch().iloc[:0]).hold == ("It holds no images.",)


def test_missing_column_holds_the_batch() -> None:
    """GX fails open where a column is missing: here the batch is held."""
    validation = validate_batch(batch().drop(columns="aspect"))
    assert any("could not be made" in sentence for sentence in validation.hold)
    condition = validate_batch(batch().drop(columns="finding"))
    assert [sentence for sentence in condition.hold if "Every image has a finding" in sentence]
    assert not next(result for result in validation.results if result.code == "odd-shape").evaluated


def test_crashing_expectation_holds_the_batch() -> None:
    """An expectation that crashes lets nothing through: the batch is held and the report says it was not checked."""
    crashing = gx.ExpectationSuite(
        name="crashing",
        expectations=[
            rule(
                gxe.ExpectColumnValuesToMatchRegex,
                "crash",
                "row",
                "This rule cannot be checked.",
                "is never reached",
                column="mean",
                regex="(unbalanced",
            )
        ],
    )
    validation = validate_batch(batch(), run_suites(batch(), [crashing]))
    assert validation.refusals == {}
    assert validation.hold == (
        "The check “This rule cannot be checked.” could not be made, so nothing is known of what it looks for.",
    )


def test_expectation_without_a_result_holds_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where GX gives fewer results than there are rules, the missing ones count as not checked."""
    whole = Batch.validate

    def losing(self: Any, *arguments: Any, **options: Any) -> Any:
        found = whole(self, *arguments, **options)
        found.results = [item for item in found.results if item.expectation_config.meta["code"] != "blank"]
        return found

    monkeypatch.setattr(Batch, "validate", losing)
    validation = validate_batch(batch())
    assert [sentence for sentence in validation.hold if "Every image has contrast" in sentence]


def test_files_sent_twice_hold_no_batch() -> None:
    """Exact duplicates are refused one by one, and say nothing against the batch."""
    validation = validate_batch(batch(*[{"duplicate_kind": "exact"}] * 30))
    assert len(validation.refusals) == 30
    assert validation.hold == ()


def test_every_failing_row_is_known_by_code() -> None:
    """Rules and notes alike name the rows that fail them, and what fails on the batch as a whole names none."""
    both = {"sex": "X", "problems": ("its sidecar is not valid JSON",), "mean": 10.0}
    validation = validate_batch(batch(both, {"sex": "X"}, *[{"view": "L"}] * 10))
    assert validation.failed[20] == ["sex-unknown", "metadata-problem", "too-dark"]
    assert validation.failed[21] == ["sex-unknown"]
    assert {tuple(validation.failed[position]) for position in range(22, 32)} == {("view-lateral",)}
    assert sorted(validation.failed) == list(range(20, 32))
    assert "mostly-refused" in {result.code for result in validation.results if not result.passed}


def test_codes_are_told_apart() -> None:
    """No two expectations of the suites of a batch share a code, by which a row's failures are kept."""
    codes = [result.code for result in validate_batch(batch()).results]
    assert len(codes) == len(set(codes))


def test_result_says_what_was_asked_of_how_many_rows() -> None:
    """A result names suite, GX type and bounds, and counts the rows after the row condition, without the empty ones."""
    rows = batch({"sex": None}, {"label": None, "finding": None, "unreadable": "the file is empty"})
    results = {result.code: result for result in validate_batch(rows).results}
    dark = results["too-dark"]
    assert (dark.suite, dark.kind, dark.bounds) == (
        "pixels",
        "expect_column_values_to_be_between",
        "mean at least 25",
    )
    asked = {code: results[code].asked for code in ("too-dark", "sex-unknown", "label-missing", "label-unknown")}
    assert asked == {"too-dark": 22, "sex-unknown": 21, "label-missing": 21, "label-unknown": 21}
    assert {results[code].bounds for code in ("odd-shape", "sex-unknown", "view-lateral", "unreadable")} == {
        "aspect between 0.5 and 2.5",
        "sex one of F, M",
        "view never L",
        "unreadable is empty",
    }
    assert results["label-missing"].bounds == "label is there, where unreadable IS NULL OR finding IS NOT NULL"
    assert results["patient-in-two-splits"].bounds == "one split for each patient_id"
    assert results["class-shares"].asked == 0


def test_what_crashed_asked_no_row() -> None:
    """Of an expectation that could not be evaluated no number of rows is told, but still what it would have asked."""
    results = {result.code: result for result in validate_batch(batch().drop(columns="aspect")).results}
    assert results["odd-shape"].asked is None
    assert results["odd-shape"].bounds == "aspect between 0.5 and 2.5"
