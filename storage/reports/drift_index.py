"""The index of all comparisons with the champion's reference, renewed whenever one is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.reports import keys
from storage.reports.drift_records import find_drifts
from storage.reports.drift_timeline import mark_nights
from storage.reports.drift_words import drift_news, subject_name
from storage.reports.records import read_nights
from storage.reports.rendering import render_page
from xray_model.outcomes import DriftOutcome

if TYPE_CHECKING:
    from storage.objects import Objects

LISTED = 50
_NIGHTS_READ = 60


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One comparison in a list."""

    drift: DriftOutcome
    name: str
    news: str


def write_drift_index(objects: "Objects") -> str:
    """Write the list of the newest comparisons, and the row of nights above it, over the one before.

    Returns:
        The page's key.
    """
    found = find_drifts(objects, LISTED)
    values = {
        "headline": _headline(found.drifts),
        "marks": mark_nights(read_nights(objects, _NIGHTS_READ).nights),
        "rows": list_rows(found.drifts),
        "older": found.older,
        "unreadable": found.unreadable,
    }
    objects.put(keys.DRIFTS, render_page("drift_index.html", keys.DRIFTS, values))
    return keys.DRIFTS


def list_rows(drifts: Sequence[DriftOutcome]) -> list[DriftRow]:
    """Comparisons as rows of a list."""
    return [DriftRow(drift, subject_name(drift), drift_news(drift)) for drift in drifts]


def _headline(drifts: Sequence[DriftOutcome]) -> str:
    if not drifts:
        return "Nothing has been compared yet"
    return f"Last compared: {subject_name(drifts[0])} {drift_news(drifts[0])}"
