"""The index of all comparisons of ways of training, renewed whenever one is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from storage.reports import keys
from storage.reports.leaderboard_words import leading_news
from storage.reports.reading import read_records
from storage.reports.records import has_nights
from storage.reports.rendering import render_page
from xray_model.outcomes import CompareOutcome, Interval, Outcome

if TYPE_CHECKING:
    from storage.objects import Objects


class ComparisonRecord(Outcome):
    """What the index tells of one comparison."""

    title: str
    page: str
    written: datetime
    news: str
    """Who came first."""
    minority: str
    best: Interval
    """Minority F1 of the first."""
    images: int
    patients: int
    variants: int
    trainings: int

    @classmethod
    def describe(cls, outcome: CompareOutcome, page: str, written: datetime) -> Self:
        """The record of a comparison whose leaderboard stands under the key `page`."""
        return cls(
            title=outcome.title,
            page=page,
            written=written,
            news=leading_news(outcome),
            minority=outcome.minority,
            best=outcome.standings[0].minority_f1,
            images=outcome.images,
            patients=outcome.patients,
            variants=len(outcome.standings),
            trainings=len(outcome.cells),
        )


@dataclass(frozen=True, slots=True)
class ComparisonsFound:
    """What the store tells of the comparisons so far."""

    records: tuple[ComparisonRecord, ...]
    """Newest first."""
    unreadable: tuple[str, ...]
    """Pages of comparisons whose record another version of this project wrote."""


def find_comparisons(objects: "Objects") -> ComparisonsFound:
    """Read the records of all comparisons.

    Raises:
        StoreUnavailable: a record is there and cannot be got.
    """
    pages = [f"{folder}index.html" for folder in objects.list_folders(keys.folder_of(keys.COMPARISONS))]
    record_keys = {page: keys.comparison_record(page) for page in pages}
    found = read_records(objects, record_keys, ComparisonRecord.model_validate_json)
    newest = sorted(found.records.values(), key=lambda record: record.written, reverse=True)
    return ComparisonsFound(tuple(newest), found.unreadable)


def write_comparison_index(objects: "Objects") -> Sequence[ComparisonRecord]:
    """Write the list of all comparisons over the one before; returns its rows, the newest first."""
    found = find_comparisons(objects)
    values = {
        "headline": _headline(found.records),
        "rows": found.records,
        "unreadable": found.unreadable,
        "nights": has_nights(objects),
    }
    objects.put(keys.COMPARISONS, render_page("comparisons.html", keys.COMPARISONS, values))
    return found.records


def _headline(records: Sequence[ComparisonRecord]) -> str:
    return f"Last compared: {records[0].title}" if records else "No ways of training have been compared yet"
