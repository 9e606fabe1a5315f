"""The index of all comparisons with the champion's reference, renewed whenever one is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.decisions import count_statuses
from storage.reports import keys
from storage.reports.drift_records import find_drifts
from storage.reports.drift_timeline import mark_nights
from storage.reports.drift_words import drift_news, subject_name
from storage.reports.records import NightRecord
from storage.reports.rendering import render_page
from storage.settling import Counts, settle_drift, settle_night
from xray_model.outcomes import DriftOutcome

if TYPE_CHECKING:
    from storage.objects import Objects

LISTED = 50
NIGHTS_READ = 60
"""To find the few of them that had new batches."""


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One comparison in a list."""

    drift: DriftOutcome
    name: str
    news: str


def write_drift_index(objects: "Objects", nights: Sequence[NightRecord]) -> str:
    """Write the list of the newest comparisons, and the row of nights above it, over the one before.

    Args:
        objects: the store.
        nights: the newest `NIGHTS_READ`, as `settle_nights` gives them.

    Returns:
        The page's key.
    """
    found = find_drifts(objects, LISTED)
    drifts = settle_drifts(objects, found.drifts, nights)
    values = {
        "headline": _headline(drifts),
        "marks": mark_nights(nights),
        "rows": list_rows(drifts),
        "older": found.older,
        "unreadable": found.unreadable,
    }
    objects.put(keys.DRIFTS, render_page("drift_index.html", keys.DRIFTS, values))
    return keys.DRIFTS


def settle_nights(objects: "Objects", nights: Sequence[NightRecord]) -> list[NightRecord]:
    """Nights after what stewards have decided since; decisions are read where a night was held alone."""
    held = any(record.night.drift.held for record in nights)
    counts: Counts = count_statuses(objects) if held else {}
    return [NightRecord(settle_night(record.night, counts), record.page) for record in nights]


def settle_drifts(
    objects: "Objects", drifts: Sequence[DriftOutcome], nights: Sequence[NightRecord]
) -> list[DriftOutcome]:
    """Comparisons after what stewards have decided since: of a batch by its images, of a night as `nights` has it."""
    counts: Counts = count_statuses(objects) if any(drift.held for drift in drifts) else {}
    settled = {record.night.drift.page_key: record.night.drift for record in nights}
    return [
        drift.model_copy(update={"held": settled[drift.page_key].held})
        if drift.subject == "night" and drift.page_key in settled
        else settle_drift(drift, counts)
        for drift in drifts
    ]


def list_rows(drifts: Sequence[DriftOutcome]) -> list[DriftRow]:
    """Comparisons as rows of a list."""
    return [DriftRow(drift, subject_name(drift), drift_news(drift)) for drift in drifts]


def _headline(drifts: Sequence[DriftOutcome]) -> str:
    if not drifts:
        return "Nothing has been compared yet"
    return f"Last compared: {subject_name(drifts[0])} {drift_news(drifts[0])}"
