"""Minority F1 where it might break: in subgroups of patients, and without the lungs."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from xray_model.config import GatePolicy
from xray_model.evaluation.bootstrap import interval_or_zero, resample, sum_cells
from xray_model.evaluation.confusion import class_figures, class_positions, number_patients
from xray_model.evaluation.figures.canvas import (
    CARD,
    CHALLENGER,
    CHAMPION,
    INK,
    SOFT,
    Drawing,
    canvas,
    scale_scores,
    shorten,
    to_svg,
    write_beside,
    write_score,
)
from xray_model.outcomes import EvaluationOutcome, Interval, SubgroupScore, format_fraction

MOST_SUBGROUPS = 24
"""Rows of the subgroups' drawing; those of the most patients are shown."""
_WHOLE = "predicted"
_PROBED = {
    _WHOLE: "whole images",
    "predicted_alone": "lungs alone",
    "predicted_hidden": "lungs hidden",
    "predicted_metadata": "metadata alone, no pixel",
}
"""What a model saw, by the column of the prediction table that holds what it made of it."""
_SAID = {
    _WHOLE: "with whole images",
    "predicted_alone": "of the lungs alone",
    "predicted_hidden": "with the lungs hidden",
    "predicted_metadata": "from metadata without a pixel",
}
_LUNGS_SEEN = (_WHOLE, "predicted_alone")
_POLICY = GatePolicy()


def draw_subgroups(evaluation: EvaluationOutcome) -> Drawing | None:
    """Minority F1 in each subgroup, a dot with its interval, gray where too few patients say nothing; None of none."""
    shown = choose_subgroups(evaluation.subgroups)
    if not shown:
        return None
    columns = list(dict.fromkeys(group.column for group in shown))
    with canvas(0.9 + 0.36 * len(columns) + 0.27 * len(shown)) as figure:
        axes = figure.subplots()
        y = 0.0
        places, names = [], []
        for column in columns:
            axes.text(0, y, column.replace("_", " "), weight="bold", va="center")
            for group in (group for group in shown if group.column == column):
                y += 1
                _draw_subgroup(axes, y, group)
                places.append(y)
                names.append(f"{shorten(group.value)} ({group.minority_patients:,}/{group.patients:,})")
            y += 1.3
        overall = evaluation.minority_f1.value
        axes.axvline(overall, color=SOFT, linewidth=0.9, linestyle=(0, (2, 3)))
        axes.set_yticks(places, names)
        axes.set_ylim(y - 0.6, -0.7)
        scale_scores(axes, f"F1 of {evaluation.minority}; dotted: all patients, {format_fraction(overall)}")
        svg = to_svg(figure)
    return Drawing("subgroups", f"F1 of {evaluation.minority} by subgroup", _say_subgroups(evaluation), svg)


def choose_subgroups(subgroups: Sequence[SubgroupScore]) -> list[SubgroupScore]:
    """At most `MOST_SUBGROUPS`, those of the most patients, in the order given."""
    largest = sorted(subgroups, key=lambda group: -group.patients)[:MOST_SUBGROUPS]
    return [group for group in subgroups if group in largest]


def draw_probes(evaluation: EvaluationOutcome, table: pd.DataFrame) -> Drawing | None:
    """Minority F1 on whole images, with the lungs hidden, of the lungs alone and of metadata; None where unprobed."""
    found = score_probes(evaluation, table)
    if len(found) < 2:  # noqa: PLR2004 - whole images alone are no probe
        return None
    with canvas(0.85 + 0.4 * len(found)) as figure:
        axes = figure.subplots()
        for y, (column, score) in enumerate(found.items()):
            axes.barh(y, score.value, height=0.62, color=CHALLENGER if column in _LUNGS_SEEN else CHAMPION)
            axes.hlines(y, score.low, score.high, color=CARD, linewidth=3.4)
            axes.hlines(y, score.low, score.high, color=INK, linewidth=1.5)
            write_score(axes, y, score)
        axes.set_yticks(range(len(found)), [_PROBED[column] for column in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        scale_scores(axes, f"F1 of {evaluation.minority}, with 95 % intervals")
        svg = to_svg(figure)
    return Drawing("probes", "What it scores without the lungs", _say_probes(evaluation.minority, found), svg)


def score_probes(evaluation: EvaluationOutcome, table: pd.DataFrame) -> dict[str, Interval]:
    """Minority F1 by the column of the table it comes from, each over the images for which that column is filled."""
    classes = [score.label for score in evaluation.classes]
    place, side = classes.index(evaluation.minority), len(classes)
    found = {_WHOLE: evaluation.minority_f1}
    for column in _PROBED:
        if column != _WHOLE and column in table and table[column].notna().any():
            seen = table.dropna(subset=column)
            count, patients = number_patients(seen)
            cells = class_positions(seen, "label", classes) * side + class_positions(seen, column, classes)
            sums = sum_cells(patients, cells, (count, side * side))
            (drawn,) = resample([sums], count, _POLICY.draws, _POLICY.seed)
            found[column] = interval_or_zero(class_figures(drawn.reshape(-1, side, side))[2][:, place])
    return found


def _draw_subgroup(axes: Axes, y: float, group: SubgroupScore) -> None:
    score = group.minority_f1
    if score is None:
        free = {"facecolor": CARD, "linewidth": 0, "pad": 1}
        axes.text(0.02, y, "no image of this class", color=SOFT, va="center", size=9, bbox=free)
        return
    color = SOFT if group.too_small else CHALLENGER
    axes.hlines(y, score.low, score.high, color=color, linewidth=5, alpha=0.22 if group.too_small else 0.35)
    axes.plot(
        score.value, y, marker="o", markersize=6.5, color=color, markerfacecolor=CARD if group.too_small else color
    )
    if group.too_small:
        write_beside(axes, y, "too few to say", 6)
    else:
        write_score(axes, y, score)


def _say_subgroups(evaluation: EvaluationOutcome) -> str:
    telling = [group for group in evaluation.subgroups if group.minority_f1 and not group.too_small]
    small = sum(group.too_small for group in evaluation.subgroups)
    said = f"In brackets are the patients with {evaluation.minority} and all patients"
    if not telling:
        return f"{said}: no subgroup holds enough of them to say anything."
    value, name = min((group.minority_f1.value, group.name) for group in telling if group.minority_f1)
    gray = f", and {small} with too few patients are hollow and gray" if small else ""
    return f"{said}: F1 is lowest for {shorten(name, 40)}, {format_fraction(value)}{gray}."


def _say_probes(minority: str, found: dict[str, Interval]) -> str:
    parts = ", ".join(f"{format_fraction(score.value)} {_SAID[column]}" for column, score in found.items())
    return f"Blue bars should be high and orange ones low: F1 of {minority} is {parts}."
