"""The page of one model version: the decision, the scores, the training, and the beginning of a model card."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.reports import curves, keys, words
from storage.reports.rendering import render_page
from xray_model.errors import InvalidInput
from xray_model.outcomes import EvaluationOutcome, RetrainOutcome, SnapshotOutcome, TrainingOutcome

if TYPE_CHECKING:
    from storage.objects import Objects

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


def write_model_page(objects: "Objects", retrain: RetrainOutcome) -> str:
    """Write the page of the model that a night trained, unless it is there already.

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
    values: dict[str, Any] = {
        "headline": words.model_headline(retrain),
        "version": promotion.challenger_version,
        "promotion": promotion,
        "decision": promotion.decision,
        "training": retrain.training,
        "snapshot": retrain.snapshot,
        "snapshot_labels": _snapshot_labels(retrain.snapshot),
    }
    values |= _evaluation_values(retrain.challenger, retrain.champion)
    values |= _training_values(retrain.training)
    objects.create(page, render_page("model.html", page, values))
    return page


def lay_out_confusion(evaluation: EvaluationOutcome) -> list[list[ConfusionCell]]:
    """The confusion matrix with the totals of its rows, in the order of the classes."""
    return [
        [ConfusionCell(images, sum(row), column == place) for column, images in enumerate(row)]
        for place, row in enumerate(evaluation.confusion)
    ]


def _evaluation_values(challenger: EvaluationOutcome | None, champion: EvaluationOutcome | None) -> dict[str, Any]:
    classes = challenger.classes if challenger else ()
    return {
        "challenger": challenger,
        "champion": champion,
        "champion_scores": {score.label: score for score in champion.classes} if champion else {},
        "confusion": lay_out_confusion(challenger) if challenger else [],
        "labels": [score.label for score in classes],
        "thinnest": min(classes, key=lambda score: score.patients, default=None),
    }


def _training_values(training: TrainingOutcome | None) -> dict[str, Any]:
    if training is None:
        return {"loss_chart": "", "f1_chart": ""}
    return {"loss_chart": curves.draw_losses(training), "f1_chart": curves.draw_minority_f1(training)}


def _snapshot_labels(snapshot: SnapshotOutcome | None) -> list[str]:
    counts = snapshot.counts.values() if snapshot else ()
    return list(dict.fromkeys(label for split in counts for label in split))
