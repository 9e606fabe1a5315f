"""What a model's probabilities are worth at every threshold: ROC and precision-recall curves of each class."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from xray_model.evaluation.figures.canvas import CLASS_STYLES, SOFT, Drawing, canvas, scale_scores, to_svg, words_of
from xray_model.outcomes import EvaluationOutcome, Interval, format_fraction

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

MOST_POINTS = 200
"""Points of a curve that are drawn: more cannot be told apart, and 10,000 images would make a large file."""


def draw_roc(evaluation: EvaluationOutcome, table: pd.DataFrame) -> Drawing | None:
    """ROC curve of each class against all others; None where no class has one."""
    areas = {score.label: score.roc_auc for score in evaluation.classes if score.roc_auc}
    if not areas:
        return None
    named = {label: f"{label}: area {_say(area)}" for label, area in areas.items()}
    svg = _draw(evaluation, table, named, _trace_roc, ("called so, of all that are not", "called so, of all that are"))
    worst = min(areas, key=lambda label: areas[label].value)
    caption = (
        "The nearer a line runs to the upper left corner the better, and the diagonal is guessing: "
        f"{worst} is told from the rest least well, with an area of {format_fraction(areas[worst].value)}."
    )
    return Drawing("roc", "Images found against false alarms (ROC)", caption, svg)


def draw_precision_recall(evaluation: EvaluationOutcome, table: pd.DataFrame) -> Drawing | None:
    """Precision-recall curve of each class; None where no class has one."""
    means = {score.label: score.average_precision for score in evaluation.classes if score.average_precision}
    if not means:
        return None
    chances = {score.label: format_fraction(score.images / evaluation.images) for score in evaluation.classes}
    named = {label: f"{label}: {_say(mean)}, by chance {chances[label]}" for label, mean in means.items()}
    axes = ("recall: called so, of all that are", "precision: are so, of all called so")
    svg = _draw(evaluation, table, named, _trace_precision, axes)
    worst = min(means, key=lambda label: means[label].value)
    caption = (
        "The nearer a line runs to the upper right corner the better: precision averaged over recall is lowest for "
        f"{worst}, {format_fraction(means[worst].value)}, where guessing would give {chances[worst]}."
    )
    return Drawing("precision-recall", "Precision against recall", caption, svg)


def thin(across: Floats, upward: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """At most `most` points of a curve, evenly spread along it; its ends are kept.

    Args:
        across: float64 [n], from 0 to 1.
        upward: float64 [n].
        most: at least 2.
    """
    if len(across) <= most:
        return across, upward
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(across)) + np.abs(np.diff(upward)))])
    kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], most)))
    kept[0], kept[-1] = 0, len(across) - 1
    return across[kept], upward[kept]


def _draw(
    evaluation: EvaluationOutcome,
    table: pd.DataFrame,
    named: dict[str, str],
    trace: Callable[[Booleans, Floats], tuple[Floats, Floats]],
    labels: Sequence[str],
) -> str:
    with canvas(4.3 + 0.2 * len(named)) as figure:
        axes = figure.subplots()
        if trace is _trace_roc:
            axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=(0, (2, 3)))
        for place, score in enumerate(evaluation.classes):
            if score.label in named:
                truth = table["label"].to_numpy(dtype=str) == score.label
                across, upward = thin(*trace(truth, table[f"p_{score.label}"].to_numpy(dtype=np.float64)))
                color, dashes = CLASS_STYLES[place % len(CLASS_STYLES)]
                width = 2.6 if score.label == evaluation.minority else 1.7
                axes.plot(across, upward, color=color, linestyle=dashes, linewidth=width, label=named[score.label])
        scale_scores(axes, labels[0])
        axes.set_ylim(0, 1.01)
        axes.set_yticks(axes.get_xticks(), ["0", ".25", ".50", ".75", "1"])
        axes.set_ylabel(labels[1])
        axes.grid(axis="y", linewidth=0.8)
        figure.legend(loc="outside lower left", handlelength=3.2)
        return to_svg(figure)


def _trace_roc(truth: Booleans, probabilities: Floats) -> tuple[Floats, Floats]:
    false_alarms, recall, _ = roc_curve(truth, probabilities)
    return false_alarms, recall


def _trace_precision(truth: Booleans, probabilities: Floats) -> tuple[Floats, Floats]:
    precision, recall, _ = precision_recall_curve(truth, probabilities, drop_intermediate=True)
    return recall[::-1], precision[::-1]


def _say(score: Interval) -> str:
    return f"{format_fraction(score.value)} ({words_of(score)})"
