"""Running the suites on a batch: every failing row with all its reasons, and whether the batch must be held.

Great Expectations fails open: an expectation that crashes reports no failing rows. Here it holds the batch.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations.batch import batch_suite, describe_batch
from expectations.pixels import pixels_suite
from expectations.records import records_suite
from xray_model.outcomes import ExpectationResult

# It tells of each temporary folder of each ephemeral context.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)

_POSITION = "position"


@dataclass(frozen=True, slots=True)
class Validation:
    """What the suites say of one batch."""

    refusals: dict[int, list[str]]
    """By position in the rows: why that image is refused, in a steward's words."""
    hold: tuple[str, ...]
    """Why the whole batch is held; empty when it is not."""
    results: tuple[ExpectationResult, ...]


@dataclass(frozen=True, slots=True)
class _SuiteRun:
    results: list[ExpectationResult]
    failed: dict[int, list[tuple[str, str]]]
    """By position: (code, refusal) of the row rules that failed."""


def validate_batch(rows: pd.DataFrame, row_suites: Sequence[gx.ExpectationSuite] | None = None) -> Validation:
    """Check a batch against the suites.

    Args:
        rows: the columns of a catalog row, a default index; order is kept.
        row_suites: suites of row rules; `records` and `pixels` where None.
    """
    frame = rows.assign(
        position=range(len(rows)),
        shorter_side=rows[["width", "height"]].min(axis=1),
        problem=rows["problems"].map(lambda problems: "; ".join(problems) if len(problems) else None),
    )
    suites = [records_suite(), pixels_suite()] if row_suites is None else list(row_suites)
    runs = [run_suite(frame, suite) for suite in suites]
    failed: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for run in runs:
        for position, reasons in run.failed.items():
            failed[position].extend(reasons)
    facts = describe_batch(rows, {position: [code for code, _ in found] for position, found in failed.items()})
    runs.append(run_suite(facts.assign(position=range(len(facts))), batch_suite()))
    results = tuple(result for run in runs for result in run.results)
    return Validation(
        refusals={
            position: [_refusal(rows, position, code, words) for code, words in found]
            for position, found in sorted(failed.items())
        },
        hold=tuple(sentence for result in results if (sentence := _hold_sentence(result)) is not None),
        results=results,
    )


def run_suite(frame: pd.DataFrame, suite: gx.ExpectationSuite) -> _SuiteRun:
    """Check a frame with a `position` column against one suite."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    definition = (
        context.data_sources.add_pandas("rows").add_dataframe_asset("batch").add_batch_definition_whole_dataframe("all")
    )
    found = definition.get_batch({"dataframe": frame}).validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_POSITION]}
    )
    run = _SuiteRun([], defaultdict(list))
    order = {rule.meta["code"]: place for place, rule in enumerate(suite.expectations)}
    for item in sorted(found.results, key=lambda item: order[item.expectation_config.meta["code"]]):
        _add_result(run, item, frame)
    return run


def _add_result(run: _SuiteRun, item: Any, frame: pd.DataFrame) -> None:
    meta = item.expectation_config.meta
    detail = item.result or {}
    # A crash leaves success False and an empty result; `exception_info` has another shape for each way to crash.
    evaluated = bool(item.success or detail)
    positions = [int(index[_POSITION]) for index in detail.get("unexpected_index_list") or []]
    unlisted = evaluated and not item.success and not positions
    if meta["severity"] == "row":
        for position in positions:
            run.failed[position].append((meta["code"], meta["refusal"]))
    run.results.append(
        ExpectationResult(
            code=meta["code"],
            sentence=meta["expected"],
            refusal=meta["refusal"],
            severity=meta["severity"],
            passed=bool(item.success) and not positions,
            evaluated=evaluated and not unlisted,
            failures=len(positions),
            # Of rows only their number is told: a value can be a patient's.
            observed=_describe(frame, item) if meta["severity"] == "batch" and evaluated else None,
        )
    )


def _describe(facts: pd.DataFrame, item: Any) -> str:
    value = facts[item.expectation_config.kwargs["column"]].iat[0]
    return f"{value:.1%}" if isinstance(value, float) else str(value)


def _hold_sentence(result: ExpectationResult) -> str | None:
    if not result.evaluated:
        return f"The check “{result.sentence}” could not be made, so nothing is known of what it looks for."
    if result.severity == "batch" and not result.passed:
        return result.refusal
    return None


def _refusal(rows: pd.DataFrame, position: int, code: str, words: str) -> str:
    """The words of the rule, except where the decoder knows better why."""
    return str(rows["unreadable"].iloc[position]) if code == "unreadable" else words
