"""How a training went, epoch by epoch: the charts of a model's page, and both in a picture of its own."""

from collections.abc import Sequence

from markupsafe import Markup

from storage.reports import charts
from storage.reports.rendering import load_style
from xray_model.outcomes import TrainingOutcome

_WIDTH, _HEIGHT, _CAPTION = 360, 142, 22


def draw_losses(training: TrainingOutcome) -> Markup:
    """Training and validation loss, the latter dashed; nothing where there is no epoch."""
    losses = [epoch.loss for epoch in training.epochs]
    validation = [epoch.validation_loss for epoch in training.epochs]
    return _draw(training, [("mine", losses), ("theirs", validation)], "Training and validation loss")


def draw_minority_f1(training: TrainingOutcome) -> Markup:
    """Validation F1 of the minority class; nothing where there is no epoch."""
    scores = [epoch.validation_minority_f1 for epoch in training.epochs]
    return _draw(training, [("mine", scores)], "Validation F1 by epoch")


def draw_picture(training: TrainingOutcome) -> str:
    """Both charts as one SVG file that needs no other."""
    rows = (
        ("Loss: training, and validation dashed", draw_losses(training)),
        ("F1 of the minority class, validation", draw_minority_f1(training)),
    )
    row_height = _HEIGHT + _CAPTION
    pieces = [
        Markup('<text class="caption" x="34" y="{}">{}</text><svg y="{}" width="{}" height="{}">{}</svg>').format(
            place * row_height + 15, caption, place * row_height + _CAPTION, _WIDTH, _HEIGHT, chart
        )
        for place, (caption, chart) in enumerate(rows)
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{wide}" height="{high}">'
        "<style>{style} text{{font-family:sans-serif}} .caption{{fill:var(--ink);font-size:12px}}</style>"
        '<rect width="100%" height="100%" style="fill:var(--card)"/>{pieces}</svg>\n'
    ).format(
        width=_WIDTH,
        height=row_height * len(rows),
        wide=2 * _WIDTH,
        high=2 * row_height * len(rows),
        style=load_style(),
        pieces=Markup("").join(pieces),
    )


def _draw(training: TrainingOutcome, curves: Sequence[tuple[str, Sequence[float]]], label: str) -> Markup:
    epochs = [epoch.epoch for epoch in training.epochs]
    best = epochs.index(training.best_epoch) + 1 if training.best_epoch in epochs else 0
    return charts.draw_curves(curves, best, f"epoch {training.best_epoch}", label)
