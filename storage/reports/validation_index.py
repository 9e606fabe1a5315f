"""The index of all validation pages: the newest first, and older ones a hundred to a page.

It is rebuilt from one small record for each page, whose keys are in the order of time: one listing tells what there
is, and only the records of the pages that are written are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from pydantic import ValidationError

from storage.objects import Objects, get_all
from storage.reports import figures, keys
from storage.reports.rendering import render_page
from xray_model.outcomes import BatchOutcome, BatchStatus, Outcome

LISTED = 100
"""Batches on one page."""


class ValidationRecord(Outcome):
    """What the index tells of the validation of one batch."""

    source: str
    name: str
    status: BatchStatus
    page: str
    written: datetime
    images: int
    quarantined: int
    expectations: int
    failed: int
    crashed: int
    """Expectations that could not be evaluated; they do not count as `failed`."""

    @classmethod
    def describe(cls, batch: BatchOutcome, page: str, written: datetime) -> Self:
        """The record of a batch whose validation stands under the key `page`."""
        evaluated = [result for result in batch.expectations if result.evaluated]
        return cls(
            source=batch.source,
            name=batch.name,
            status=batch.status,
            page=page,
            written=written,
            images=batch.read,
            quarantined=batch.quarantined,
            expectations=len(batch.expectations),
            failed=sum(not result.passed for result in evaluated),
            crashed=len(batch.expectations) - len(evaluated),
        )

    @property
    def met(self) -> int:
        """Expectations that the batch meets."""
        return self.expectations - self.failed - self.crashed


@dataclass(frozen=True, slots=True)
class OlderPage:
    """A page of the index, with the days of its first and last batch."""

    page: str
    first: int
    last: int
    since: datetime
    until: datetime


def write_validation_index(objects: Objects) -> str:
    """Rebuild the index, and the pages of older batches that are new or may lack one.

    Returns:
        The index's key.
    """
    records = _list_records(objects)
    older = _list_older(records)
    present = {info.key for info in objects.list(keys.folder_of(keys.VALIDATIONS) + "page-")}
    for place, entry in enumerate(older):
        # Two nights at once may have written the last one without each other's batches.
        if entry.page not in present or entry is older[-1]:
            _write(objects, entry.page, records[entry.first - 1 : entry.last], older[:place], entry)
    _write(objects, keys.VALIDATIONS, records[-LISTED:], older)
    return keys.VALIDATIONS


def _list_records(objects: Objects) -> list[str]:
    """Keys of the records, the oldest first, and of two about one batch the first."""
    first: dict[str, str] = {}
    for info in objects.list(keys.VALIDATION_RECORDS):
        first.setdefault(info.key.removeprefix(keys.VALIDATION_RECORDS).partition("-")[2], info.key)
    return list(first.values())


def _list_older(records: Sequence[str]) -> list[OlderPage]:
    """The pages that are full and do not hold the newest batch, the oldest first."""
    return [
        OlderPage(
            keys.validations_page(start // LISTED + 1),
            start + 1,
            start + LISTED,
            _time_of(records[start]),
            _time_of(records[start + LISTED - 1]),
        )
        for start in range(0, (len(records) - 1) // LISTED * LISTED, LISTED)
    ]


def _time_of(record: str) -> datetime:
    name = record.removeprefix(keys.VALIDATION_RECORDS)
    return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _write(
    objects: Objects, page: str, names: Sequence[str], older: Sequence[OlderPage], own: OlderPage | None = None
) -> None:
    rows = []
    unreadable = 0
    for _, content in get_all(objects, reversed(names)):
        try:
            rows.append(ValidationRecord.model_validate_json(content))
        except ValidationError:
            unreadable += 1
    values = {
        "headline": _headline(rows, own),
        "rows": rows,
        "unreadable": unreadable,
        "older": older[::-1],
        "own": own,
    }
    objects.put(page, render_page("validation_index.html", page, values))


def _headline(rows: Sequence[ValidationRecord], own: OlderPage | None) -> str:
    if not rows:
        return "No batch has been validated yet"
    crashed = sum(row.crashed > 0 for row in rows)
    met = sum(row.met == row.expectations for row in rows)
    news = f"{figures.spelled(met, 'batch')} of {figures.count(len(rows))} meet{'s' * (met == 1)} every expectation"
    if crashed:
        news = f"On {figures.spelled(crashed, 'batch').lower()} an expectation could not be evaluated; {news.lower()}"
    return f"Batches {own.first} to {own.last}: {news[:1].lower()}{news[1:]}" if own else news
