"""What the reports say first: the news of a night, a batch or a model in one sentence."""

from collections.abc import Sequence

from storage.reports import figures
from storage.reports.terms import as_clause, full_name
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    Decision,
    DriftOutcome,
    DriftState,
    NightOutcome,
    PromotionOutcome,
    RetrainOutcome,
)


def headline(night: NightOutcome) -> str:
    """The news of a night in one sentence, what waits for a person first; without a full stop."""
    return _join([_waiting_news(night.batches), *_quiet_news(night)])


def quiet_headline(night: NightOutcome) -> str:
    """The same without the batches that wait for a person, for where these are told apart."""
    return _join(_quiet_news(night))


def batch_headline(batch: BatchOutcome) -> str:
    """The news of a batch: what became of it, and the first reason."""
    if batch.status is BatchStatus.HELD:
        return f"{batch.name} is held{_because(batch.reasons)}"
    if batch.status is BatchStatus.REFUSED:
        return f"{batch.name} was refused{_because(batch.reasons)}"
    if batch.status is BatchStatus.FAILED:
        return f"{batch.name} failed{_because(batch.reasons)}"
    if batch.accepted == 0:
        return f"{batch.name} brought no image to train on"
    if batch.accepted == batch.read:
        whole = "its one image" if batch.read == 1 else f"all {figures.plural(batch.read, 'image')}"
        return f"{batch.name} is accepted: {whole}"
    return f"{batch.name} is accepted: {figures.count(batch.accepted)} of {figures.plural(batch.read, 'image')}"


def validation_headline(batch: BatchOutcome) -> str:
    """The news of what a batch was asked: how many expectations it fails, and what that led to."""
    crashed = sum(not result.evaluated for result in batch.expectations)
    if crashed:
        held = ", so it is held" if batch.status is BatchStatus.HELD else ""
        return f"{figures.spelled(crashed, 'expectation')} could not be evaluated on {batch.name}{held}"
    failed = [result for result in batch.expectations if not result.passed]
    asked = figures.plural(len(batch.expectations), "expectation")
    if not failed:
        return f"{batch.name} meets all {asked}"
    holding = tuple(result.refusal for result in failed if result.severity == "batch")
    if holding:
        led = _because(holding)
    elif batch.quarantined:
        are = "is" if batch.quarantined == 1 else "are"
        led = f", and {figures.count(batch.quarantined)} of {figures.plural(batch.read, 'image')} {are} refused"
    else:
        led = ", and no image is refused"
    return f"{batch.name} fails {len(failed)} of {asked}{led}"


def model_headline(retrain: RetrainOutcome) -> str:
    """The news of a training: who is in service now, and why."""
    promotion = retrain.promotion
    if promotion is None:
        return f"A model was trained but not judged{_because(retrain.reasons)}"
    if promotion.awaits_approval:
        return f"{_waiting(promotion)}{_scores(promotion.decision)}"
    if promotion.decision.promote:
        return f"{_promoted(promotion)}{_scores(promotion.decision)}"
    if promotion.champion_after is not None:
        return f"Kept v{promotion.champion_after}{_failing(promotion.decision)}"
    return f"No model is in service yet{_failing(promotion.decision)}"


def waiting_headline(batches: Sequence[BatchOutcome]) -> str:
    """How many batches wait for a person: "Two batches wait for you"."""
    waiting = [batch for batch in batches if batch.needs_person]
    if len(waiting) == 1:
        return f"One batch waits for you: {full_name(waiting[0])} {_became(waiting[0])}"
    return f"{figures.spelled(len(waiting), 'batch')} wait for you"


def _join(parts: Sequence[str]) -> str:
    said = [part for part in parts if part]
    return "; ".join([said[0], *(as_clause(part) for part in said[1:])])


def _quiet_news(night: NightOutcome) -> list[str]:
    return [_arrival_news(night), _model_news(night), _drift_news(night.drift)]


def _waiting_news(batches: Sequence[BatchOutcome]) -> str:
    return waiting_headline(batches) if any(batch.needs_person for batch in batches) else ""


def _arrival_news(night: NightOutcome) -> str:
    if not night.batches:
        return "Nothing new arrived"
    if night.needs_person:
        return ""
    read, accepted = night.total("read"), night.total("accepted")
    if read == 0:
        return "No image arrived"
    if accepted == 0:
        return (
            "The one new image cannot be used" if read == 1 else f"None of {figures.count(read)} new images can be used"
        )
    if accepted == read:
        return f"{figures.plural(accepted, 'new image')} accepted"
    return f"{figures.count(accepted)} of {figures.plural(read, 'new image')} accepted"


def _model_news(night: NightOutcome) -> str:
    if night.retrain.trained:
        return model_headline(night.retrain)
    if night.retrain.failed:
        return "The training failed"
    why = _because(night.retrain.reasons) if night.batches else ""
    if night.champion is None:
        return f"No model is in service yet{why}"
    return f"v{night.champion.version} stays in service{why}"


def _drift_news(drift: DriftOutcome) -> str:
    moved = sum(column.moved for column in drift.columns)
    basis = f": {moved} of {figures.plural(len(drift.columns), 'column')} moved" if drift.columns else ""
    if drift.state is DriftState.HOLD:
        return f"The new images are unlike those known{basis}"
    if drift.state is DriftState.RETRAIN:
        return f"The new images have drifted{basis}"
    if drift.state is DriftState.WATCH:
        return f"Some drift in the new images{basis}"
    return ""


def _promoted(promotion: PromotionOutcome) -> str:
    challenger = f"v{promotion.challenger_version}"
    if promotion.champion_before is None:
        return f"{challenger} is the first champion"
    return f"{challenger} took over from v{promotion.champion_before}"


def _waiting(promotion: PromotionOutcome) -> str:
    place = (
        "to be the first champion" if promotion.champion_after is None else f"in place of v{promotion.champion_after}"
    )
    return f"v{promotion.challenger_version} waits for approval {place}"


def _scores(decision: Decision) -> str:
    score = f": F1 of {decision.minority} {figures.fraction(decision.minority_f1.value)}"
    return f"{score}, against {figures.fraction(decision.champion_f1.value)}" if decision.champion_f1 else score


def _failing(decision: Decision) -> str:
    """The first condition that the challenger failed, in few words; the whole sentence where its name is not known."""
    failed = [check for check in decision.checks if not check.holds]
    if not failed:
        return ""
    first = failed[0]
    kind, _, label = first.name.partition("-")
    if label and kind in {"recall", "floor"}:
        return f": the challenger finds too few {label} images"
    short = {
        "evidence": f"too few test patients with {decision.minority} to judge the challenger",
        "floor": f"the challenger's F1 of {decision.minority}, {figures.fraction(decision.minority_f1.value)}, "
        "is below the floor",
        "skill": f"the challenger is not shown to know more of {decision.minority} than a guess",
        "better": f"the challenger is not shown to be better on {decision.minority}",
        "comparable": "the challenger cannot be compared with it",
    }.get(first.name)
    return f": {short}" if short else _because((first.sentence,))


def _became(batch: BatchOutcome) -> str:
    return {BatchStatus.HELD: "is held", BatchStatus.REFUSED: "was refused"}.get(batch.status, "failed")


def _because(reasons: Sequence[str]) -> str:
    if not reasons:
        return ""
    first, _, _ = reasons[0].removeprefix("Not trained: ").partition(". ")
    return f": {as_clause(first)}"
