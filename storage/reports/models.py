"""The page of one model version, which is its model card: decision, limits, figures, pictures, training and data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.reports import cards, curves, keys, words
from storage.reports.cards import ModelCard
from storage.reports.examples import write_examples
from storage.reports.rendering import render_page
from xray_model.errors import InvalidInput
from xray_model.outcomes import EvaluationOutcome, RetrainOutcome, TrainingOutcome

if TYPE_CHECKING:
    from storage.objects import Objects
    from xray_model.evaluation.figures import Drawing

_SHADES = 5


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """Test images of one true class that were given one class."""

    images: int
    row_total: int
    right: bool

    @property
    def shade(self) -> int:
        """How dark the cell is drawn, 0 to 5, by its share of the row."""
        return -(-_SHADES * self.images // self.row_total) if self.row_total else 0


def write_model_page(objects: "Objects", retrain: RetrainOutcome, card: ModelCard | None = None) -> str:
    """Write the page of the model that a night trained, with its pictures beside it, unless it is there already.

    Args:
        objects: the store.
        retrain: the training with its figures.
        card: what `make_card` gathered; None for what the outcome alone tells.

    Returns:
        The page's key.

    Raises:
        InvalidInput: no model was registered, so that there is no version to write about.
    """
    promotion = retrain.promotion
    if promotion is None:
        raise InvalidInput(
            f"There is no model to write a page about (trained: {retrain.trained}, no promotion recorded): "
            "write model pages only for a retraining that registered a version."
        )
    page = keys.model_page(promotion.challenger_version)
    if objects.exists(page):
        return page
    card = cards.make_card(retrain) if card is None else card
    values: dict[str, Any] = {
        "headline": words.model_headline(retrain),
        "version": promotion.challenger_version,
        "promotion": promotion,
        "decision": promotion.decision,
        "waived": sum(check.holds and not check.passed for check in promotion.decision.checks),
        "training": retrain.training,
        "snapshot": retrain.snapshot,
        "snapshot_labels": _labels_of(retrain.snapshot.counts.values() if retrain.snapshot else ()),
        "card": card,
        "source_labels": _labels_of(card.sources.values()),
        "probes": cards.list_probes(retrain),
        "drawings": write_drawings(objects, keys.folder_of(page), card.drawings),
        "examples": write_examples(objects, keys.folder_of(page), card.examples),
    }
    values |= _evaluation_values(retrain.challenger, retrain.champion)
    values |= _training_values(retrain.training)
    objects.create(page, render_page("model.html", page, values))
    return page


def write_drawings(objects: "Objects", folder: str, drawings: Iterable["Drawing"]) -> dict[str, tuple["Drawing", str]]:
    """Put the drawings as SVG files into `folder` (a key ending in `/`); each with its key, by name."""
    placed = {drawing.name: (drawing, f"{folder}{drawing.name}.svg") for drawing in drawings}
    objects.put_many((key, drawing.svg.encode()) for drawing, key in placed.values())
    return placed


def lay_out_confusion(confusion: Sequence[Sequence[int]]) -> list[list[ConfusionCell]]:
    """A confusion matrix with the totals of its rows, in the order of the classes."""
    return [
        [ConfusionCell(images, sum(row), column == place) for column, images in enumerate(row)]
        for place, row in enumerate(confusion)
    ]


def _evaluation_values(challenger: EvaluationOutcome | None, champion: EvaluationOutcome | None) -> dict[str, Any]:
    classes = challenger.classes if challenger else ()
    return {
        "challenger": challenger,
        "champion": champion,
        "champion_scores": {score.label: score for score in champion.classes} if champion else {},
        "overall": cards.overall_scores(challenger) if challenger else (),
        "confusion": lay_out_confusion(challenger.confusion) if challenger else [],
        "labels": [score.label for score in classes],
        "thinnest": min(classes, key=lambda score: score.patients, default=None),
    }


def _training_values(training: TrainingOutcome | None) -> dict[str, Any]:
    if training is None:
        return {"loss_chart": "", "f1_chart": ""}
    return {"loss_chart": curves.draw_losses(training), "f1_chart": curves.draw_minority_f1(training)}


def _labels_of(counts: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(label for each in counts for label in each))
