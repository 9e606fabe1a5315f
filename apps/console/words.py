"""The console's sentences."""

from collections.abc import Sequence

from storage.desk import BatchSummary, Review
from storage.ledger import GateEntry
from storage.reports import figures
from xray_model.data.causes import Cause
from xray_model.data.decisions import Action, Decision
from xray_model.outcomes import BatchStatus, ChampionSummary

CLUE_WORDS = {
    "manufacturer": "scanner",
    "view": "view",
    "sex": "sex",
    "mode": "kind of pixels",
    "bits": "bits a pixel",
    "window_path": "way of windowing",
}


def desk_headline(
    held: Sequence[BatchSummary],
    unread: Sequence[BatchSummary],
    refused: Sequence[BatchSummary],
    waiting: GateEntry | None = None,
) -> str:
    """The news of the home page: what waits, else what could not be read, else what was refused."""
    if held:
        model = " and a model" if waiting else ""
        wait = "wait" if waiting or len(held) > 1 else "waits"
        return f"{figures.spelled(len(held), 'batch')}{model} {wait} for you"
    if waiting:
        return f"A model waits for you: v{waiting.version} passed the gate"
    if unread:
        return f"{figures.spelled(len(unread), 'batch')} could not be read"
    if refused:
        images = sum(one.quarantined for one in refused)
        return f"No batch is held; {figures.plural(images, 'refused image')} can be looked at"
    return "Nothing waits for you"


def models_headline(champion: ChampionSummary | None, waiting: GateEntry | None, *, judged: int) -> str:
    """The news of the models' page: which waits, else which is in service."""
    if waiting:
        stays = f", v{champion.version} is in service until then" if champion else ", and no model is in service yet"
        return f"v{waiting.version} waits for approval{stays}"
    if champion:
        score = figures.fraction(champion.minority_f1.value)
        return f"v{champion.version} is in service: F1 of {champion.minority} {score}"
    return "No model is in service: none passed the gate" if judged else "No model has been judged yet"


def batch_headline(review: Review) -> str:
    """The news of a batch's page, as it stands now."""
    outcome, counts = review.outcome, review.statuses
    name = outcome.name
    if outcome.status is BatchStatus.REFUSED:
        return f"{name} was refused as a whole"
    if counts.get("held"):
        first = outcome.reasons[0] if outcome.reasons else "It waits for a person."
        return f"{name} is held: {first[:1].lower()}{first[1:].rstrip('.')}"
    refused = counts.get("quarantined", 0)
    if outcome.status is BatchStatus.HELD:
        decided = f"{name} is decided: {counts.get('accepted', 0):,} accepted, {counts.get('rejected', 0):,} rejected"
        return f"{decided}; {figures.plural(refused, 'refused image')} can be looked at" if refused else decided
    if refused:
        return f"{name} is accepted; {figures.plural(refused, 'image')} of it {_were(refused)} refused"
    return f"{name} is accepted"


def cause_sentence(cause: Cause) -> str:
    """Where most refused images come from, in figures."""
    inside, outside = cause.inside, cause.outside
    return (
        f"{inside.refused:,} of {inside.images:,} images with {CLUE_WORDS[cause.column]} {inside.value} are refused, "
        f"{outside.refused:,} of the {outside.images:,} others."
    )


def decision_sentence(decision: Decision) -> str:
    """What was decided, without who and why."""
    if decision.action is Action.UNDO:
        return f"took decision {decision.undoes} back"
    about = figures.plural(len(decision.image_ids), "image") if decision.image_ids else "the whole batch"
    if decision.action is Action.RELABEL:
        return f"relabelled {about} as {decision.label}"
    if decision.action is Action.HOLD:
        return f"held {about} for drift"
    return f"{'released' if decision.action is Action.RELEASE else 'rejected'} {about}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
