"""What moved columns mean: nothing, a watchful eye, a retraining, or a batch that waits for a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.distances import EMBEDDING_METHOD, METHODS
from xray_model.outcomes import ColumnDrift, DriftFamily, DriftState
from xray_model.outcomes.base import format_fraction

_FAMILIES = {
    DriftFamily.QUALITY: "Image quality",
    DriftFamily.POPULATION: "The population",
    DriftFamily.PREDICTION: "The predictions",
    DriftFamily.EMBEDDING: "What the model sees",
}
_SENTENCES = 5
_NAMED = 3
_FAR = 10
"""Standard deviations beyond which their number says nothing: the reference hardly varied."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is known of the sources of new images."""

    known: bool = True
    """Whether each was put beside known images of its own."""
    new: tuple[str, ...] = ()
    """Those of compared images that the reference does not know."""
    first: tuple[str, ...] = ()
    """The same of images that were left out of the comparison."""


def decide(
    columns: Sequence[ColumnDrift],
    sources: Sources,
    policy: DriftPolicy,
    watched_before: int,
    weights: Mapping[str, float] = MappingProxyType({}),
) -> tuple[DriftState, tuple[str, ...]]:
    """The state of one comparison, and why.

    Args:
        columns: all that were compared, moved or not.
        sources: of the new images.
        policy: distances of each state.
        watched_before: nights in a row that ended on watch before this one.
        weights: part of its distance that counts, by name of a column; all of it where none is given.

    Returns:
        The state; its reasons begin with the rule that decided, then say which families moved and by how much, then
        what changed. No column is `unknown`.
    """
    if not columns:
        return DriftState.UNKNOWN, ("No column holds enough values in both the new images and the reference.",)
    moved = sort_moved(columns)
    first = f"The model has not learned from {', '.join(sources.first)} yet." if sources.first else ""
    if not moved and not first:
        return DriftState.OK, (f"None of {len(columns)} columns moved by more than chance would explain.",)
    state, rule = _choose(moved, sources, policy, watched_before, weights) if moved else (DriftState.RETRAIN, first)
    if first and state is DriftState.WATCH:
        state, rule = DriftState.RETRAIN, first
    families = [
        _say_family(family, own, weights) for family in DriftFamily if (own := [c for c in moved if c.family == family])
    ]
    sentences = [column.sentence for column in moved if column.sentence][:_SENTENCES]
    return state, tuple(dict.fromkeys((rule, *([first] if first else []), *families, *sentences)))


def sort_moved(columns: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Those that moved, the farthest beyond its threshold first."""
    return sorted((column for column in columns if column.moved), key=lambda column: -_excess(column))


def _choose(
    moved: Sequence[ColumnDrift],
    sources: Sources,
    policy: DriftPolicy,
    watched_before: int,
    weights: Mapping[str, float],
) -> tuple[DriftState, str]:
    far = _beyond(moved, {**_distances(policy, "hold"), EMBEDDING_METHOD: float("inf")}, weights)
    faults = [column for column in far if column.family is DriftFamily.QUALITY]
    if faults and sources.known:
        return DriftState.HOLD, f"A known source sends other pictures than before: {_name(faults)}."
    wide = _beyond(moved, {**_distances(policy, "retrain"), EMBEDDING_METHOD: policy.embedding_retrain}, weights)
    if wide and sources.new:
        return DriftState.RETRAIN, f"The model has learned too little from {', '.join(sources.new)}: {_name(wide)}."
    if wide:
        return DriftState.RETRAIN, f"The images are no longer those the model has learned from: {_name(wide)}."
    if watched_before + 1 >= policy.watch_nights:
        return DriftState.RETRAIN, f"This is night {watched_before + 1} on watch in a row: {_name(moved)}."
    return DriftState.WATCH, f"Moved, but not so far as to ask for a retraining: {_name(moved)}."


def _distances(policy: DriftPolicy, state: str) -> dict[str, float]:
    return {method: float(getattr(policy, f"{kind}_{state}")) for kind, method in METHODS.items()}


def _beyond(moved: Sequence[ColumnDrift], limits: dict[str, float], weights: Mapping[str, float]) -> list[ColumnDrift]:
    return [column for column in moved if column.score * weights.get(column.name, 1.0) >= limits[column.method]]


def _excess(column: ColumnDrift) -> float:
    equal = 0.5 if column.method == EMBEDDING_METHOD else 0.0
    return (column.score - equal) / max(column.threshold - equal, 1e-9)


_AMOUNTS: dict[str, Callable[[float], str]] = {
    METHODS["number"]: lambda score: (
        f"{score:.1f} standard deviations" if score < _FAR else f"over {_FAR} standard deviations"
    ),
    METHODS["category"]: lambda score: f"a Jensen-Shannon distance of {format_fraction(round(score, 2))}",
    EMBEDDING_METHOD: lambda score: f"a ROC AUC of {format_fraction(round(score, 2))}",
}


def _say_family(family: DriftFamily, moved: Sequence[ColumnDrift], weights: Mapping[str, float]) -> str:
    if family is DriftFamily.EMBEDDING:
        return f"{_FAMILIES[family]} moved by {_AMOUNTS[moved[0].method](moved[0].score)}."
    amounts = [
        f"{column.column}, which hardly varied before"
        if weights.get(column.name, 1.0) < 1
        else f"{column.column} by {_AMOUNTS[column.method](column.score)}"
        for column in moved[:_NAMED]
    ]
    more = f", and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    return f"{_FAMILIES[family]} moved: {', '.join(amounts)}{more}."


def _name(columns: Sequence[ColumnDrift]) -> str:
    names = ", ".join(column.column for column in columns[:_NAMED])
    return f"{names} and {len(columns) - _NAMED} more" if len(columns) > _NAMED else names
