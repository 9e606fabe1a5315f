"""What a model calls right: the confusion matrix, and each class's scores beside the champion's."""

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from xray_model.evaluation.figures.canvas import (
    CARD,
    CHALLENGER,
    CHAMPION,
    INK,
    Drawing,
    canvas,
    scale_scores,
    to_svg,
    write_score,
)
from xray_model.outcomes import EvaluationOutcome, Interval, format_fraction

_SCORES = ("f1", "recall", "precision")
_NAMES = {"f1": "F1", "recall": "Recall", "precision": "Precision"}
_PALEST, _DARKEST = 0.03, 0.5


def draw_confusion(evaluation: EvaluationOutcome) -> Drawing:
    """Images by true and called class: counts, and their share of the true class's images."""
    labels = [score.label for score in evaluation.classes]
    size = len(labels)
    with canvas(0.85 + 0.72 * size) as figure:
        axes = figure.subplots()
        for row, counts in enumerate(evaluation.confusion):
            for column, images in enumerate(counts):
                share = images / sum(counts) if sum(counts) else 0.0
                _fill_cell(axes, row, column, images, share)
        axes.set_xlim(-0.5, size - 0.5)
        axes.set_ylim(size - 0.5, -0.5)
        axes.set_xticks(range(size), [f"called\n{label}" for label in labels])
        axes.set_yticks(
            range(size),
            [f"is {label}\n{sum(counts):,}" for label, counts in zip(labels, evaluation.confusion, strict=True)],
        )
        axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False, labelcolor=INK)
        axes.spines[:].set_visible(False)
        svg = to_svg(figure)
    return Drawing("confusion", "What it takes for what", _say_confusion(evaluation), svg)


def draw_scores(challenger: EvaluationOutcome, champion: EvaluationOutcome | None = None) -> Drawing:
    """Bars of F1, recall and precision by class, with 95 % intervals; the champion's beneath the challenger's."""
    theirs = {score.label: score for score in champion.classes} if champion else {}
    slot = 2.0 if theirs else 1.25
    block = slot * len(_SCORES) + 1.5
    with canvas(0.75 + 0.17 * block * len(challenger.classes)) as figure:
        axes = figure.subplots()
        places, names = [], []
        for number, score in enumerate(challenger.classes):
            top = number * block
            title = score.label + (" (minority: decides)" if score.label == challenger.minority else "")
            axes.text(0, top - 0.25, title, weight="bold", va="bottom", size=10)
            for row, name in enumerate(_SCORES):
                y = top + 0.5 + row * slot
                _draw_bar(axes, y, getattr(score, name), CHALLENGER)
                if score.label in theirs:
                    _draw_bar(axes, y + 0.85, getattr(theirs[score.label], name), CHAMPION)
                places.append(y + (0.42 if theirs else 0))
                names.append(_NAMES[name])
        axes.set_yticks(places, names)
        axes.set_ylim(len(challenger.classes) * block - 0.9, -1.6)
        scale_scores(axes)
        if champion:
            bars = [Rectangle((0, 0), 1, 1, color=color) for color in (CHALLENGER, CHAMPION)]
            figure.legend(bars, ["challenger", "champion"], loc="outside upper left", ncols=2)
        svg = to_svg(figure)
    return Drawing("scores", "Scores by class", _say_scores(challenger, champion), svg)


def _fill_cell(axes: Axes, row: int, column: int, images: int, share: float) -> None:
    axes.add_patch(
        Rectangle(
            (column - 0.48, row - 0.47),
            0.96,
            0.94,
            facecolor=CHALLENGER,
            alpha=_PALEST + (_DARKEST - _PALEST) * share,
            linewidth=0,
        )
    )
    if row == column:
        axes.add_patch(
            Rectangle((column - 0.45, row - 0.43), 0.9, 0.86, facecolor="none", edgecolor=CHALLENGER, linewidth=1.6)
        )
    axes.text(column, row - 0.13, f"{images:,}", ha="center", va="center", size=13, weight="bold")
    axes.text(column, row + 0.2, f"{100 * share:.0f} %", ha="center", va="center", size=9)


def _draw_bar(axes: Axes, y: float, score: Interval, color: str) -> None:
    axes.barh(y, score.value, height=0.75, color=color)
    axes.hlines(y, score.low, score.high, color=CARD, linewidth=3.4)
    axes.hlines(y, score.low, score.high, color=INK, linewidth=1.5)
    write_score(axes, y, score)


def _say_confusion(evaluation: EvaluationOutcome) -> str:
    labels = [score.label for score in evaluation.classes]
    place = labels.index(evaluation.minority)
    counts = evaluation.confusion[place]
    whole, right = sum(counts), counts[place]
    said = f"Of {whole:,} {evaluation.minority} images {right:,} are called {evaluation.minority}"
    others = [(images, label) for images, label in zip(counts, labels, strict=True) if label != evaluation.minority]
    missed, wrong = max(others, default=(0, ""))
    if not missed:
        return f"{said}: none is missed."
    return f"{said}; of the {whole - right:,} it misses {missed:,} are called {wrong}."


def _say_scores(challenger: EvaluationOutcome, champion: EvaluationOutcome | None) -> str:
    minority = challenger.minority
    said = f"F1 of {minority}, the class that decides, is {format_fraction(challenger.minority_f1.value)}"
    theirs = {score.label: score.f1 for score in champion.classes}.get(minority) if champion else None
    if theirs is not None:
        said += f" against the champion's {format_fraction(theirs.value)} on the same patients"
    return f"{said}; the thin lines are 95 % intervals, and the shorter they are the surer the figure."
