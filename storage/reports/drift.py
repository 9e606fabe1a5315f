"""The page of one comparison with the champion's reference: what moved, as charts, in pictures and in figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from storage.reports import charts, drift_words, keys
from storage.reports.drift_columns import divide_by_family, rank_columns, take_turns
from storage.reports.drift_index import NIGHTS_READ, settle_nights, write_drift_index
from storage.reports.drift_records import find_drifts
from storage.reports.drift_timeline import MARKS, DriftMark, mark_drifts, mark_nights
from storage.reports.pictures import Picture, write_pictures
from storage.reports.records import NightRecord, read_nights
from storage.reports.rendering import render_page
from xray_model.outcomes import ColumnDrift, DriftOutcome

if TYPE_CHECKING:
    from storage.objects import Objects

PICTURES = 12
"""Of the new images that look least like the reference, and as many typical ones."""
_CHARTED = 3


@dataclass(frozen=True, slots=True)
class ChartedColumn:
    """A column with its sentence and its picture."""

    column: ColumnDrift
    sentence: str
    overlay: Markup | None = None
    """Of a number; None of a category, whose bars the page draws."""
    bars: tuple[tuple[str, float, float], ...] = ()
    """Of a category: what it is, its share among the known images and among the new."""


def write_drift_report(
    objects: "Objects",
    drift: DriftOutcome,
    report_html: bytes | None,
    report_run: bytes | None,
    drifted: Sequence[Picture],
    typical: Sequence[Picture],
) -> DriftOutcome:
    """Write the page of a comparison with its pictures and Evidently's report beside it, and renew their index.

    `drift.json` comes last: a comparison that has one is finished. What is there already is kept.

    Args:
        objects: the store.
        drift: the comparison, with its `subject`, `name` and `when`.
        report_html: Evidently's page; None where nothing was measured.
        report_run: the same as JSON.
        drifted: new images that look least like the reference, the first least of all; `PICTURES` are shown.
        typical: images of the reference that look most like all of it.

    Returns:
        The comparison with the keys of its page and of Evidently's.

    Raises:
        InvalidInput: the comparison does not say when it was made.
    """
    page = keys.drift_page(drift)
    report_key = None if report_html is None else keys.evidently_page(page)
    told = drift.model_copy(update={"page_key": page, "report_key": report_key})
    nights = settle_nights(objects, read_nights(objects, NIGHTS_READ).nights)
    if not objects.exists(page):
        if report_html is not None:
            objects.create(keys.evidently_page(page), report_html)
        if report_run is not None:
            objects.create(keys.evidently_run(page), report_run)
        folder = keys.folder_of(page)
        charted = [chart_column(column) for column in _choose_charted(told)]
        below = {*told.notes, *(each.sentence for each in charted)}
        values = {
            "drift": told,
            "name": drift_words.subject_name(told),
            "headline": drift_words.drift_headline(told),
            "advice": drift_words.advise_drift(told),
            "reasons": [*told.reasons[:1], *(reason for reason in told.reasons[1:] if reason not in below)],
            "charted": charted,
            "drifted": write_pictures(objects, folder, "drifted", drifted[:PICTURES]),
            "typical": write_pictures(objects, folder, "typical", typical[:PICTURES]),
            "class_news": drift_words.class_sentence(told.classes),
            "families": divide_by_family(told.columns),
            "marks": _mark(objects, told, page, nights),
        }
        objects.create(page, render_page("drift.html", page, values))
    objects.create(keys.drift_record(page), told.model_dump_json(indent=1).encode())
    write_drift_index(objects, nights)
    return told


def chart_column(column: ColumnDrift) -> ChartedColumn:
    """A column as the page draws it: a number as two histograms, a category as pairs of bars."""
    chart = column.chart
    sentence = drift_words.column_sentence(column)
    if chart and chart.edges:
        overlay = charts.draw_overlay(chart, f"{column.column}: new images over known ones")
        return ChartedColumn(column, sentence, overlay)
    bars = zip(chart.labels, chart.reference, chart.current, strict=True) if chart else ()
    return ChartedColumn(column, sentence, bars=tuple(bars))


def _choose_charted(drift: DriftOutcome) -> list[ColumnDrift]:
    """The columns that moved most, those first of which there is something to draw."""
    ranked = take_turns(rank_columns(drift.columns))
    return sorted(ranked, key=lambda column: (not column.moved, column.chart is None))[:_CHARTED]


def _mark(objects: "Objects", drift: DriftOutcome, page: str, nights: Sequence[NightRecord]) -> list[DriftMark]:
    """What came before, the nights or what was asked in service, and last the page's own comparison."""
    if drift.when is None:
        return []
    if drift.subject == "served":
        before = mark_drifts(find_drifts(objects, MARKS, "served").drifts)
    else:
        before = mark_nights(nights)
    earlier = [mark for mark in before if mark.page != page and mark.when < drift.when]
    return [*earlier[1 - MARKS :], DriftMark(drift, drift.when, page, here=True)]
