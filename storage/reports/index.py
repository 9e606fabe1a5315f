"""The index of all reports: rebuilt after every night from the nights' own records; no page changes but the indexes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from storage.ledger import load_entries
from storage.reports import figures, keys, words
from storage.reports.comparisons import write_comparison_index
from storage.reports.drift_index import NIGHTS_READ, settle_nights, write_drift_index
from storage.reports.drift_timeline import DriftMark, mark_nights
from storage.reports.entries import BatchEntry, list_entry, waiting_entry
from storage.reports.explore_index import write_explore_index
from storage.reports.history import draw_champions, list_versions
from storage.reports.nights import count_steps
from storage.reports.records import NightRecord, read_nights
from storage.reports.rendering import render_page
from storage.reports.validation_index import write_validation_index
from storage.settling import settle_night
from xray_model.outcomes import BatchOutcome, DriftState

if TYPE_CHECKING:
    from storage.objects import Objects
    from storage.settling import Counts

NIGHTS_LISTED = 200
_WAITING_FIRST = 6
_BATCHES_LISTED = 50
_COMPARISONS_FIRST = 3


@dataclass(frozen=True, slots=True)
class Month:
    """The nights of one month, newest first."""

    name: str
    rows: tuple[NightRecord, ...]

    @property
    def waiting(self) -> int:
        """Nights after which a batch waited for a person."""
        return sum(row.night.needs_person for row in self.rows)


def write_index(objects: "Objects", counts: "Counts | None" = None) -> str:
    """Rebuild the index from the newest nights, and write it over the one before.

    Those of the validation pages, of drift, of comparisons and of snapshots, to which every page links, are rebuilt
    before it.

    Args:
        objects: the store.
        counts: rows by status of the batches that stewards decided on, so that none of those that were settled is
            called for.

    Returns:
        The page's key.
    """
    write_validation_index(objects)
    write_explore_index(objects)
    found = read_nights(objects, NIGHTS_LISTED)
    write_drift_index(objects, settle_nights(objects, found.nights[:NIGHTS_READ]))
    values: dict[str, Any] = {
        "latest": None,
        "headline": "Nothing has run yet",
        "older": found.older,
        "unreadable": found.unreadable,
        "unfinished": found.unfinished,
        "batches": [],
        "comparisons": write_comparison_index(objects)[:_COMPARISONS_FIRST],
    }
    if found.nights:
        values |= _values(objects, found.nights, counts or {})
    objects.put(keys.INDEX, render_page("index.html", keys.INDEX, values))
    return keys.INDEX


def batches_waiting(nights: Sequence[NightRecord]) -> list[tuple[BatchOutcome, datetime]]:
    """The batches that still wait for a person, newest first, each with the time it began to wait.

    Of several nights that tell of one batch (a later revision, another attempt) the newest counts.
    """
    last: dict[tuple[str, str], BatchOutcome] = {}
    since: dict[tuple[str, str], datetime] = {}
    for record in nights:
        for batch in record.night.batches:
            name = batch.source, batch.name
            if last.setdefault(name, batch).needs_person and batch.needs_person:
                since[name] = record.night.started
    return [(batch, since[name]) for name, batch in last.items() if batch.needs_person]


def _values(objects: "Objects", nights: Sequence[NightRecord], counts: "Counts") -> dict[str, Any]:
    steps = count_steps(nights[0].night, keys.INDEX)  # what arrived, whatever was decided since
    settled = [NightRecord(settle_night(record.night, counts), record.page) for record in nights]
    latest = settled[0]
    waiting = batches_waiting(settled)
    champion = latest.night.champion
    pages = set(objects.list_folders(keys.MODELS))
    entries = load_entries(objects)
    versions = list_versions(nights, pages, entries)
    drift = mark_nights(settled)
    return {
        "latest": latest,
        "headline": words.waiting_headline([batch for batch, _ in waiting]) if waiting else latest.headline,
        "sub": words.quiet_headline(latest.night) if waiting else "",
        "steps": steps,
        "waiting": [waiting_entry(objects, batch, since) for batch, since in waiting[:_WAITING_FIRST]],
        "waiting_rest": [list_entry(batch) for batch, _ in waiting[_WAITING_FIRST:]],
        "refused_lately": sum(batch.quarantined for batch in latest.night.batches if not batch.needs_person),
        "champion": champion,
        "champion_page": _page_of(champion.version, pages) if champion else None,
        "history_chart": draw_champions(nights, champion, entries) if champion else "",
        "versions": versions,
        "drift": drift,
        "drift_news": _drift_news(drift),
        "months": list(_by_month(settled)),
        "batches": _newest_batches(nights),
    }


def _page_of(version: int, pages: set[str]) -> str | None:
    page = keys.model_page(version)
    return page if keys.folder_of(page) in pages else None


def _drift_news(marks: Sequence[DriftMark]) -> DriftMark | None:
    """The newest night whose images stood apart."""
    apart = {DriftState.WATCH, DriftState.RETRAIN, DriftState.HOLD}
    return next((mark for mark in reversed(marks) if mark.drift.state in apart), None)


def _by_month(nights: Sequence[NightRecord]) -> Iterable[Month]:
    for name, rows in groupby(nights, key=lambda record: figures.month(record.night.started)):
        yield Month(name, tuple(rows))


def _newest_batches(nights: Sequence[NightRecord]) -> list[BatchEntry]:
    entries = (list_entry(batch) for record in nights for batch in record.night.batches)
    newest = {entry.page: entry for entry, _ in zip(entries, range(_BATCHES_LISTED), strict=False)}
    return list(newest.values())
