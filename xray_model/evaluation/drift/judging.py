"""The outcome of a comparison: every column in words, the state, and why."""

from collections.abc import Mapping

import numpy as np

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.chance import Chance, share_chances
from xray_model.evaluation.drift.charts import chart_column
from xray_model.evaluation.drift.columns import EMBEDDING_NAME
from xray_model.evaluation.drift.comparison import ComparedColumn, Comparison, DomainTest
from xray_model.evaluation.drift.distances import EMBEDDING_METHOD, measure_distance
from xray_model.evaluation.drift.policy import Sources, decide
from xray_model.evaluation.drift.sentences import describe_change, describe_domain, describe_values, say_share
from xray_model.outcomes import ClassShare, ColumnDrift, DriftFamily, DriftOutcome, DriftState
from xray_model.outcomes.base import format_fraction

EMBEDDING_WORD = "what the model sees"
_DIGITS = 4


def score_columns(comparison: Comparison) -> dict[str, float]:
    """The distance of each column by name, without Evidently; they are the same."""
    return {
        compared.column.name: measure_distance(
            compared.column.kind,
            comparison.current[compared.column.name],
            comparison.reference[compared.column.name],
        )
        for compared in comparison.columns
    }


def judge(
    comparison: Comparison, scores: Mapping[str, float], policy: DriftPolicy, watched_before: int = 0
) -> DriftOutcome:
    """Judge a comparison by its distances.

    Args:
        comparison: as `prepare` made it.
        scores: distance of each of its columns, by the frame's name.
        policy: the one it was prepared with.
        watched_before: nights in a row that ended on watch before this one.

    Returns:
        What is compared and why; whose it is (subject, name, when, champion, keys) is for the caller to add.
    """
    measured = [compared for compared in comparison.columns if np.isfinite(scores.get(compared.column.name, np.nan))]
    lost = [compared.column.word for compared in comparison.columns if compared not in measured]
    columns = describe_columns(comparison, measured, scores)
    weights = {compared.column.name: compared.weight for compared in measured}
    sources = Sources(comparison.by_source, comparison.new_sources, comparison.first_sources)
    state, reasons = decide(columns, sources, policy, watched_before, weights)
    if comparison.too_few:
        reasons = (comparison.too_few,)
    notes = (*comparison.notes, *([f"Not measured, though it could be: {', '.join(lost)}."] if lost else []))
    strange = comparison.domain is not None and comparison.domain.auc >= policy.embedding_retrain
    shifted = [say_class(share, strange=strange) for share in comparison.classes if is_shifted(share)]
    return DriftOutcome(
        state=state,
        reasons=tuple(dict.fromkeys((*reasons, *(notes if state is DriftState.UNKNOWN else shifted)))),
        images=comparison.images,
        patients=comparison.patients,
        reference_images=comparison.reference_images,
        compared=len(comparison.current),
        compared_reference=len(comparison.reference),
        columns=columns,
        notes=notes,
        classes=comparison.classes,
        drifted=comparison.domain.drifted if comparison.domain else (),
        typical=comparison.domain.typical if comparison.domain else (),
        watched=watched_before + 1 if state is DriftState.WATCH else 0,
    )


def describe_columns(
    comparison: Comparison, measured: list[ComparedColumn], scores: Mapping[str, float]
) -> tuple[ColumnDrift, ...]:
    """Each column that was measured, and the embedding, in words."""
    domain = comparison.domain
    nulls = {compared.column.name: compared.null for compared in comparison.columns}
    chances = share_chances({**nulls, EMBEDDING_NAME: domain.null} if domain else nulls)
    names = [compared.column.name for compared in measured]
    columns = [
        _describe(comparison, compared, scores[name], chances[name])
        for name, compared in zip(names, measured, strict=True)
    ]
    return (*columns, *([_describe_domain(domain, chances[EMBEDDING_NAME])] if domain else []))


def is_shifted(share: ClassShare) -> bool:
    """Whether the champion's answers speak for another share than the reference has."""
    return share.estimated is not None and not share.estimated.low <= share.reference <= share.estimated.high


def say_class(share: ClassShare, *, strange: bool = False) -> str:
    """How frequent a class seems: "covid would make up 34 % (29 to 40 %) of these images, 20 % before" and the like.

    Args:
        share: of a class.
        strange: whether the images differ so much from the known ones that the model's answers may not hold for them.
    """
    estimated = share.estimated
    if estimated is None:
        return (
            f"How frequent {share.label} is among these images is not estimated, {say_share(share.reference)} before."
        )
    low, high = say_share(estimated.low).removesuffix(" %"), say_share(estimated.high)
    doubt = "If the model's answers hold for pictures this different, " if strange else ""
    return (
        f"{doubt}{share.label} would make up {say_share(estimated.value)} ({low} to {high}) of these images, "
        f"{say_share(share.reference)} before."
    )


def _describe(comparison: Comparison, compared: ComparedColumn, score: float, chance: Chance) -> ColumnDrift:
    column = compared.column
    current, reference = comparison.current[column.name], comparison.reference[column.name]
    moved = score >= compared.threshold
    return ColumnDrift(
        column=column.word,
        name=column.name,
        family=column.family,
        method=compared.method,
        score=round(score, _DIGITS),
        threshold=round(compared.threshold, _DIGITS),
        chance=round(chance.probability(compared.null, score), _DIGITS),
        moved=moved,
        current=describe_values(column, current),
        reference=describe_values(column, reference),
        sentence=describe_change(column, current, reference, score) if moved else "",
        chart=chart_column(column, current, reference),
    )


def _describe_domain(domain: DomainTest, chance: Chance) -> ColumnDrift:
    moved = domain.auc >= domain.threshold
    return ColumnDrift(
        column=EMBEDDING_WORD,
        name=EMBEDDING_NAME,
        family=DriftFamily.EMBEDDING,
        method=EMBEDDING_METHOD,
        score=round(domain.auc, _DIGITS),
        threshold=round(domain.threshold, _DIGITS),
        chance=round(chance.probability(domain.null, domain.auc), _DIGITS),
        moved=moved,
        current=f"told from known ones with ROC AUC {format_fraction(round(domain.auc, 2))}",
        reference="ROC AUC .50 where nothing differs",
        sentence=describe_domain(domain.auc) if moved else "",
    )
