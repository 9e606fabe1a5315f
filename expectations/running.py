"""Running the suites on a batch: every failing row with all its reasons, and whether the batch must be held.

Great Expectations fails open: an expectation that crashes reports no failing rows. Here it holds the batch.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation

from expectations.batch import batch_suite
from expectations.duplicates import duplicates_suite
from expectations.facts import describe_batch
from expectations.pixels import pixels_suite
from expectations.records import records_suite
from expectations.rules import columns_of
from expectations.wording import describe_bounds
from xray_model.data.bounds import Bounds
from xray_model.outcomes import ExpectationResult

# It tells of each temporary folder of each ephemeral context.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)

_POSITION = "position"
_FACTS = "batch"
"""The suite that is asked of figures, which may be told."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What the suites say of one batch."""

    refusals: dict[int, list[str]]
    """By position in the rows: why that image is refused, in a steward's words."""
    hold: tuple[str, ...]
    """Why the whole batch is held; empty when it is not."""
    results: tuple[ExpectationResult, ...]
    failed: dict[int, list[str]]
    """By position: the codes of all expectations that the row fails, whatever their severity."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What some suites of row rules say of a batch's rows."""

    results: list[ExpectationResult]
    failed: dict[int, list[tuple[str, str]]]
    """By position: (code, refusal) of the row rules that failed."""
    codes: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By position: the codes of all expectations that failed there, notes included."""

    def sound(self, rows: int) -> list[bool]:
        """By position: whether no rule fails there."""
        return [position not in self.failed for position in range(rows)]


def check_images(rows: pd.DataFrame, bounds: Bounds) -> Checked:
    """Ask the suites `records` and `pixels` of a batch.

    Args:
        rows: the columns of a catalog row, a default index; order is kept.
        bounds: those in force.
    """
    frame = rows.assign(
        shorter_side=rows[["width", "height"]].min(axis=1),
        problem=rows["problems"].map(lambda problems: "; ".join(problems) if len(problems) else None),
    )
    return run_suites(frame, [records_suite(), pixels_suite(bounds)])


def check_duplicates(rows: pd.DataFrame) -> Checked:
    """Ask the suite `duplicates` of rows with a `duplicate_kind`."""
    return run_suites(rows, [duplicates_suite()])


def judge_batch(rows: pd.DataFrame, checks: Sequence[Checked], accepted: pd.DataFrame) -> Validation:
    """Put the checks of a batch together and ask the suite `batch` of it.

    Args:
        rows: as they were checked, with `duplicate_of`.
        checks: what the suites of row rules said of them.
        accepted: `source`, `label` and `age` of the images that were accepted before.
    """
    failed: dict[int, list[tuple[str, str]]] = defaultdict(list)
    every: dict[int, list[str]] = defaultdict(list)
    for checked in checks:
        for position, reasons in checked.failed.items():
            failed[position].extend(reasons)
        for position, found in checked.codes.items():
            every[position].extend(found)
    codes = {position: [code for code, _ in found] for position, found in failed.items()}
    facts = describe_batch(rows, codes, accepted)
    whole = run_suites(facts, [batch_suite()])
    results = tuple(result for checked in (*checks, whole) for result in checked.results)
    return Validation(
        refusals={
            position: [_refusal(rows, position, code, words) for code, words in found]
            for position, found in sorted(failed.items())
        },
        hold=tuple(sentence for result in results if (sentence := _hold_sentence(result)) is not None),
        results=results,
        failed=every,
    )


def run_suites(rows: pd.DataFrame, suites: Sequence[gx.ExpectationSuite]) -> Checked:
    """Check rows against suites."""
    frame = rows.assign(position=range(len(rows)))
    checked = Checked([], defaultdict(list))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    definition = (
        context.data_sources.add_pandas("rows").add_dataframe_asset("batch").add_batch_definition_whole_dataframe("all")
    )
    for suite in suites:
        _run_suite(checked, frame, definition, suite)
    return checked


def _run_suite(
    checked: Checked, frame: pd.DataFrame, definition: BatchDefinition[None], suite: gx.ExpectationSuite
) -> None:
    # The other columns would only be copied and hashed, which costs more than the checks.
    asked = dict.fromkeys([_POSITION, *(name for rule in suite.expectations for name in columns_of(rule))])
    found = definition.get_batch({"dataframe": frame[[name for name in asked if name in frame]]}).validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_POSITION]}
    )
    by_code = {item.expectation_config.meta["code"]: item for item in found.results}
    for rule in suite.expectations:
        item = by_code.get(rule.meta["code"])
        if item is None:
            checked.results.append(_result(suite, rule, passed=False, evaluated=False))
        else:
            _add_result(checked, item, suite, rule, frame if suite.name == _FACTS else None)


def _add_result(
    checked: Checked, item: Any, suite: gx.ExpectationSuite, rule: Expectation, facts: pd.DataFrame | None
) -> None:
    meta = rule.meta
    detail = item.result or {}
    positions = [int(index[_POSITION]) for index in detail.get("unexpected_index_list") or []]
    # A crash leaves success False and an empty result; `exception_info` has another shape for each way to crash.
    evaluated = bool(item.success or (detail and positions))
    for position in positions:
        checked.codes[position].append(meta["code"])
        if meta["severity"] == "row":
            checked.failed[position].append((meta["code"], meta["refusal"]))
    # Of rows only their number is told: a value can be a patient's.
    observed = _describe(facts, item) if facts is not None and evaluated else None
    checked.results.append(
        _result(
            suite,
            rule,
            passed=bool(item.success) and not positions,
            evaluated=evaluated,
            failures=len(positions),
            # GX counts the rows after the row condition, and of those the ones that are empty.
            asked=detail["element_count"] - (detail.get("missing_count") or 0) if evaluated else None,
            observed=observed,
        )
    )


def _result(
    suite: gx.ExpectationSuite,
    rule: Expectation,
    *,
    passed: bool,
    evaluated: bool,
    failures: int = 0,
    asked: int | None = None,
    observed: str | None = None,
) -> ExpectationResult:
    meta = rule.meta
    return ExpectationResult(
        code=meta["code"],
        sentence=meta["expected"],
        refusal=meta["refusal"],
        severity=meta["severity"],
        suite=suite.name,
        kind=rule.configuration.type,
        bounds=describe_bounds(rule),
        passed=passed,
        evaluated=evaluated,
        asked=asked,
        failures=failures,
        observed=observed,
    )


def _describe(facts: pd.DataFrame, item: Any) -> str:
    column = item.expectation_config.kwargs["column"]
    value = facts[column].iat[0]
    if pd.isna(value):
        return "nothing to compare"
    if column.endswith("_share"):
        return f"{value:.1%}"
    return str(int(value)) if float(value).is_integer() else f"{value:.2f}"


def _hold_sentence(result: ExpectationResult) -> str | None:
    if not result.evaluated:
        return f"The check “{result.sentence}” could not be made, so nothing is known of what it looks for."
    if result.severity == "batch" and not result.passed:
        return result.refusal
    return None


def _refusal(rows: pd.DataFrame, position: int, code: str, words: str) -> str:
    """The words of the rule, except where the decoder knows better why."""
    return str(rows["unreadable"].iloc[position]) if code == "unreadable" else words
