"""From out-of-fold predictions to `docs/results.md`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.evaluation.confusion import bootstrap_confusions, class_figures, patient_confusions

PROBE = "linear probe"
DRAWS, SEED = 2000, 20
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one way of training said of each image of a task, in the fold that had not seen its patient."""

    task: str
    classes: tuple[str, ...]
    minority: str
    way: str
    """Features and strategy."""
    seed: int
    validation_f1: float | None
    """Mean minority F1 of the folds' validation parts; None where nothing was chosen on them."""
    table: pd.DataFrame
    """`patient_id`, `label`, `predicted`."""


class Figures(NamedTuple):
    """Means over the seeds."""

    validation_f1: float | None
    minority: float
    macro: float
    recall: Floats
    drawn: Floats
    """Minority F1 [draws]: each draw takes the same patients of every way and seed."""


def measure(runs: Sequence[Predictions]) -> Figures:
    """The figures of one way: of all its seeds."""
    classes = runs[0].classes
    minority = classes.index(runs[0].minority)
    recalls, f1s, drawn = [], [], []
    for run in runs:
        counts = patient_confusions(run.table, classes)
        _, recall, f1 = class_figures(counts.sum(axis=0))
        recalls.append(recall)
        f1s.append(f1)
        drawn.append(class_figures(bootstrap_confusions(counts, DRAWS, SEED))[2][:, minority])
    scores = [run.validation_f1 for run in runs if run.validation_f1 is not None]
    f1 = np.mean(f1s, axis=0)
    return Figures(
        float(np.mean(scores)) if scores else None,
        float(f1[minority]),
        float(f1.mean()),
        np.mean(recalls, axis=0),
        np.mean(drawn, axis=0),
    )


def group_ways(found: Sequence[Predictions], title: str) -> dict[str, list[Predictions]]:
    """The runs of one task by the way of training, in the order of their seeds."""
    ways: dict[str, list[Predictions]] = {}
    for run in sorted(found, key=lambda one: (one.way, one.seed)):
        if run.task == title:
            ways.setdefault(run.way, []).append(run)
    return ways


def make_table(runs: dict[str, list[Predictions]], figures: dict[str, Figures], title: str, aim: float) -> str:
    """One task: its table, and how the way that validation chose compares."""
    first, *others = next(iter(runs.values()))
    head = ["trained", "minority F1 [95 %]", "macro F1", *(f"recall {name}" for name in first.classes), "validation F1"]
    images, patients = first.table.groupby("label").size(), first.table["patient_id"].nunique()
    counts = ", ".join(f"{images[name]} {name}" for name in first.classes)
    lines = [
        f"## {title}",
        "",
        f"{counts}, of {patients} patients; {1 + len(others)} seeds; the minority is {first.minority}; aim {aim:.2f}.",
        "",
        *_draw_head(head),
    ]
    for way, own in figures.items():
        kept = "" if own.validation_f1 is None else f"{own.validation_f1:.3f}"
        recalls = [f"{value:.3f}" for value in own.recall]
        lines.append(_draw_row(way, f"{own.minority:.3f} {_interval(own.drawn)}", f"{own.macro:.3f}", *recalls, kept))
    return "\n".join([*lines, "", _compare(figures, aim), ""])


def make_summary(figures: dict[str, dict[str, Figures]], aims: dict[str, float]) -> str:
    """All tasks in a line each, and the mean of each way over the tasks."""
    lines = ["## In short", "", *_draw_head(["task", "aim", "chosen by validation F1", "highest on the test folds"])]
    for title, own in figures.items():
        names = (_choose(own), _find_best(own))
        lines.append(_draw_row(title, f"{aims[title]:.2f}", *(f"{name}, {own[name].minority:.3f}" for name in names)))
    lines += ["", *_draw_head(["trained", "minority F1, mean over the tasks"])]
    ways = [way for way in next(iter(figures.values())) if all(way in own for own in figures.values())]
    means = {way: float(np.mean([own[way].minority for own in figures.values()])) for way in ways}
    lines += [_draw_row(way, f"{mean:.3f}") for way, mean in sorted(means.items(), key=lambda pair: -pair[1])]
    return "\n".join([*lines, ""])


def write_tables(path: Path, found: Sequence[Predictions], aims: dict[str, float], introduction: str) -> None:
    """Write the page; what another benchmark put at its end, the section on drift, stays."""
    _, heading, drift = path.read_text(encoding="utf-8").partition("\n## Drift") if path.is_file() else ("", "", "")
    runs = {title: group_ways(found, title) for title in aims}
    figures = {title: {way: measure(own) for way, own in ways.items()} for title, ways in runs.items()}
    tables = [make_table(runs[title], figures[title], title, aim) for title, aim in aims.items()]
    path.write_text("\n".join([introduction, make_summary(figures, aims), *tables]) + heading + drift, encoding="utf-8")


def _choose(figures: dict[str, Figures]) -> str:
    """The way of the highest validation F1."""
    return max(figures, key=lambda way: figures[way].validation_f1 or 0.0)


def _find_best(figures: dict[str, Figures]) -> str:
    """The way of the highest F1 on the test folds, which nobody could have chosen."""
    return max(figures, key=lambda way: figures[way].minority)


def _compare(figures: dict[str, Figures], aim: float) -> str:
    chosen, best = _choose(figures), _find_best(figures)
    own = figures[chosen]
    features, _, _ = chosen.partition(": ")
    rivals = [f"{features}: none", f"{features}: {PROBE}"]
    differences = [
        f"{own.minority - figures[rival].minority:+.3f} {_interval(own.drawn - figures[rival].drawn)} against {rival}"
        for rival in rivals
        if rival in figures and rival != chosen
    ]
    reached = "reached" if own.minority >= aim else "not reached"
    return (
        f"Chosen by validation F1: **{chosen}**, {own.minority:.3f}, {', '.join(differences)}; the aim is {reached}. "
        f"Highest on the test folds, chosen by nobody: {best}, {figures[best].minority:.3f}."
    )


def _draw_head(columns: Sequence[str]) -> tuple[str, str]:
    return _draw_row(*columns), "|---" * len(columns) + "|"


def _draw_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(drawn: Floats) -> str:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"[{low:.3f}, {high:.3f}]"
