"""The leaderboard: the page of one comparison of ways of training, with what each is worth beside what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from storage.reports import charts, keys, leaderboard_words
from storage.reports.comparisons import ComparisonRecord, write_comparison_index
from storage.reports.index import write_index
from storage.reports.models import ConfusionCell, lay_out_confusion
from storage.reports.records import has_nights
from storage.reports.rendering import render_page
from xray_model.outcomes import CellOutcome, CompareOutcome, Standing

if TYPE_CHECKING:
    from storage.objects import Objects


@dataclass(frozen=True, slots=True)
class Entry:
    """One variant as the page draws it."""

    standing: Standing
    cells: tuple[CellOutcome, ...]
    """Its trainings, in the order of `standing.fold_f1`."""
    figure: Markup
    """Its F1 with interval and folds, on the scale of all."""
    confusion: list[list[ConfusionCell]]
    f1_chart: Markup
    loss_chart: Markup

    @property
    def searched(self) -> bool:
        """Whether a search chose some of its options."""
        return any(cell.trials for cell in self.cells)


def write_leaderboard(objects: "Objects", outcome: CompareOutcome) -> CompareOutcome:
    """Write the page of a comparison, unless it is there already, and renew the index of comparisons.

    A comparison that has a record is finished.

    Returns:
        The comparison with the key of its page.
    """
    page = keys.comparison_page(outcome.comparison_id)
    if not objects.exists(page):
        scale = charts.mark_scale(
            score
            for standing in outcome.standings
            for score in (standing.minority_f1.low, standing.minority_f1.high, *standing.fold_f1)
        )
        values = {
            "outcome": outcome,
            "headline": leaderboard_words.leading_news(outcome),
            "conclusions": leaderboard_words.conclusions(outcome),
            "entries": _make_entries(outcome, scale),
            "scale": scale,
            "words": leaderboard_words,
            "nights": has_nights(objects),
        }
        objects.create(page, render_page("leaderboard.html", page, values))
    record = ComparisonRecord.describe(outcome, page, datetime.now(UTC))
    objects.create(keys.comparison_record(page), record.model_dump_json(indent=1).encode())
    if objects.exists(keys.INDEX):
        write_comparison_index(objects)
    else:  # no night has run, and all pages link to the index
        write_index(objects)
    return outcome.model_copy(update={"page_key": page})


def _make_entries(outcome: CompareOutcome, scale: Sequence[float]) -> list[Entry]:
    epochs = max((len(cell.training.epochs) for cell in outcome.cells), default=1)
    reached = charts.mark_scale(
        epoch.validation_minority_f1 for cell in outcome.cells for epoch in cell.training.epochs
    )
    entries = []
    for standing in outcome.standings:
        cells = sorted(
            (cell for cell in outcome.cells if cell.variant == standing.variant),
            key=lambda cell: (cell.fold, cell.seed),
        )
        entries.append(
            Entry(
                standing=standing,
                cells=tuple(cells),
                figure=charts.draw_standing(
                    standing.minority_f1,
                    standing.fold_f1,
                    scale,
                    "mine" if leaderboard_words.may_be_as_good(standing) else "theirs",
                ),
                confusion=lay_out_confusion([[round(images) for images in row] for row in standing.confusion]),
                f1_chart=_draw_f1(cells, reached, epochs, f"{standing.title}: validation F1 by epoch"),
                loss_chart=_draw_losses(cells, epochs, f"{standing.title}: loss by epoch"),
            )
        )
    return entries


def _draw_f1(cells: Sequence[CellOutcome], scale: Sequence[float], epochs: int, label: str) -> Markup:
    """Validation minority F1 of each training, with a dot at the epoch that was kept."""
    curves = [
        ("mine", [epoch.validation_minority_f1 for epoch in cell.training.epochs], cell.training.best_epoch)
        for cell in cells
    ]
    return charts.draw_bundle(curves, scale, epochs, label)


def _draw_losses(cells: Sequence[CellOutcome], epochs: int, label: str) -> Markup:
    """Training and validation loss of each training, on a scale of their own: rebalancing changes what a loss is."""
    curves = [
        curve
        for cell in cells
        for curve in (
            ("mine", [epoch.loss for epoch in cell.training.epochs], 0),
            ("theirs", [epoch.validation_loss for epoch in cell.training.epochs], 0),
        )
    ]
    scale = charts.mark_scale(loss for _, losses, _ in curves for loss in losses)
    return charts.draw_bundle(curves, scale, epochs, label)
