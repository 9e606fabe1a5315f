"""The page of what a batch was asked: every expectation with its result, and which images failed it.

It names images by their id and counts rows; no value of a row stands on it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from storage.reports import keys, words
from storage.reports.batches import sort_expectations
from storage.reports.entries import rank_refusals, reason_anchor
from storage.reports.rendering import render_page
from storage.reports.validation_index import ValidationRecord
from xray_model.outcomes import BatchOutcome, ExpectationResult

if TYPE_CHECKING:
    from storage.objects import Objects

MOST_IDS = 100
"""Image ids that the page shows of one expectation; the JSON beside it has all."""
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One expectation as the page shows it."""

    result: ExpectationResult
    place: int
    """Of all on the page, counted from 1."""
    failing: bool = False
    """Whether images failed it, which a figure about the whole batch does not tell."""
    image_ids: tuple[str, ...] = ()
    """The first `MOST_IDS` of them."""
    named: int = 0
    """How many have an id that can be told."""
    pictures: str | None = None
    """Where the batch's page shows pictures of them."""


@dataclass(frozen=True, slots=True)
class SuiteTable:
    """The results of one suite."""

    name: str
    rows: tuple[ResultRow, ...]

    @property
    def is_about_rows(self) -> bool:
        """Whether it asks of rows, not of figures about the whole batch."""
        return all(row.result.observed is None for row in self.rows)

    @property
    def failed(self) -> int:
        """How many of its expectations failed or could not be evaluated."""
        return sum(not row.result.passed for row in self.rows)


def write_validation_page(objects: "Objects", batch: BatchOutcome, failing: Mapping[str, Sequence[object]]) -> str:
    """Write the page of what a batch was asked and the same as JSON, unless they are there already.

    Args:
        objects: the store.
        batch: what became of the batch, with its `expectations`.
        failing: by the code of an expectation the ids of the images that fail it.

    Returns:
        The page's key.
    """
    page = keys.validation_page(batch)
    if objects.exists(page):
        return page
    now = datetime.now(UTC)
    # The record first: a run that dies between the two is made good by the next one, and of two records one counts.
    record = ValidationRecord.describe(batch, page, now)
    objects.create(keys.validation_record(batch.batch_id, now), record.model_dump_json().encode())
    named = {code: _keep_image_ids(ids) for code, ids in failing.items()}
    objects.create(keys.validation_data(batch), _describe(batch, named))
    rows = _list_rows(batch, named)
    values = {
        "batch": batch,
        "headline": words.validation_headline(batch),
        "crashed": [row.result for row in rows if not row.result.evaluated],
        "failed": [row for row in rows if row.result.evaluated and not row.result.passed],
        "suites": divide_by_suite(rows, list(dict.fromkeys(result.suite for result in batch.expectations))),
        "failing": [row for row in rows if row.failing],
    }
    objects.create(page, render_page("validation.html", page, values))
    return page


def divide_by_suite(rows: Sequence[ResultRow], order: Sequence[str]) -> tuple[SuiteTable, ...]:
    """One table for each suite, in the `order` of their names; the rows keep theirs."""
    placed = sorted(rows, key=lambda row: order.index(row.result.suite))
    return tuple(SuiteTable(name, tuple(some)) for name, some in groupby(placed, key=lambda row: row.result.suite))


def _list_rows(batch: BatchOutcome, named: Mapping[str, Sequence[str]]) -> list[ResultRow]:
    """What could not be evaluated first, then what failed; the suites stand in the order in which they were asked."""
    anchors = {refusal.reason: reason_anchor(place) for place, refusal in enumerate(rank_refusals(batch))}
    rows = []
    for place, result in enumerate(sort_expectations(batch.expectations), start=1):
        if result.failures and result.observed is None:
            ids = named.get(result.code, ())
            reason = anchors.get(result.refusal)
            pictures = f"{keys.batch_page(batch)}#{reason}" if reason else None
            shown = tuple(ids[:MOST_IDS])
            rows.append(ResultRow(result, place, failing=True, image_ids=shown, named=len(ids), pictures=pictures))
        else:
            rows.append(ResultRow(result, place))
    return rows


def _describe(batch: BatchOutcome, named: Mapping[str, Sequence[str]]) -> bytes:
    results = [
        {**result.model_dump(mode="json"), "image_ids": list(named.get(result.code, ()))}
        for result in batch.expectations
    ]
    told = batch.model_dump(mode="json", include={"batch_id", "source", "name", "status", "read", "quarantined"})
    return json.dumps({**told, "expectations": results}, indent=1).encode()


def _keep_image_ids(names: Sequence[object]) -> list[str]:
    """Those that are the hash which names an image; in a malformed row anything may stand in its place."""
    return [name for name in names if isinstance(name, str) and _IMAGE_ID.fullmatch(name)]
