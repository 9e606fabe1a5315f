"""What the page of a comparison with the champion's reference says: its news, what to do, and of the classes."""

import shlex
from collections.abc import Sequence

from storage.reports import figures
from storage.reports.advice import Action
from storage.reports.terms import as_clause, share_words
from xray_model.outcomes import ClassShare, ColumnDrift, DriftOutcome, DriftState


def subject_name(drift: DriftOutcome) -> str:
    """What was compared, as a steward names it: "bimcv / 2026-11-19", or "the night of 21 Nov"."""
    match drift.subject:
        case "batch":
            return " / ".join(drift.name.split(".")[:2])  # neither a source nor a batch has a dot in its name
        case "night":
            return f"the night of {figures.day(drift.when)}" if drift.when else "the night"
        case "window":
            return f"the images of {drift.name}"
        case "served":
            return f"what the model was asked, {drift.name}"


def drift_headline(drift: DriftOutcome) -> str:
    """The news of a comparison in one sentence, without a full stop: what was compared, the state and why."""
    name = subject_name(drift)
    name = name if drift.subject == "batch" else f"{name[:1].upper()}{name[1:]}"
    return f"{name} {drift_news(drift)}"


def drift_news(drift: DriftOutcome) -> str:
    """The same without what was compared, for where that stands beside it."""
    match drift.state:
        case DriftState.HOLD if drift.held:
            return f"was held for a decision{_because(drift)}"
        case DriftState.HOLD:
            return f"looks all too different, and does not wait{_because(drift)}"
        case DriftState.RETRAIN:
            return f"asks for a retraining{_because(drift)}"
        case DriftState.WATCH:
            return f"is to be watched{_because(drift)}"
        case DriftState.OK:
            return f"looks like what {_champion(drift)} has learned from"
        case DriftState.UNKNOWN:
            return f"could not be compared{_because(drift)}"


def advise_drift(drift: DriftOutcome) -> tuple[Action, ...]:
    """What to do about a comparison, naming only what this version can do."""
    match drift.state:
        case DriftState.HOLD:
            return _advise_hold(drift)
        case DriftState.RETRAIN:
            return (
                Action(
                    "Nothing, if the images are right: the champion should learn from images like these. The next "
                    "training takes in all that are accepted. This starts one now:",
                    "xray nightly --force",
                ),
            )
        case DriftState.WATCH:
            nights = f" This is night {drift.watched} in a row on watch." if drift.watched > 1 else ""
            return (Action(f"Nothing yet.{nights} If it lasts for some nights, a retraining is asked for."),)
        case DriftState.OK:
            return (Action("Nothing is needed from you."),)
        case DriftState.UNKNOWN:
            return (Action("Nothing was compared, which does not say that nothing moved."),)


def _advise_hold(drift: DriftOutcome) -> tuple[Action, ...]:
    batch = shlex.quote(drift.name)
    if drift.subject != "batch":
        if not drift.held:
            return (Action("Look at the pictures below, and where they came from. No image waits because of them."),)
        told = "Look at the pictures below, and decide on the batches that wait. This names them:"
        return (Action(told, "xray review list"),)
    reject = f"xray review reject {batch} --why REASON"
    if not drift.held:
        told = "The batch does not wait: its images join the next training. If they should not, reject them."
        return (Action("Look at the pictures below."), Action(told, reject))
    return (
        Action("Look at the pictures below. The images train nothing until somebody has decided."),
        Action(
            "If the images are right as they are, release them and say why: they join the next training.",
            f"xray review release {batch} --why REASON",
        ),
        Action("If they are not, reject them, and send corrected ones under a new name.", reject),
    )


def column_sentence(column: ColumnDrift) -> str:
    """What changed in a column; of one that did not move, what it is now and was before."""
    return column.sentence or f"New: {column.current}. Known: {column.reference}."


def class_sentence(classes: Sequence[ClassShare]) -> str:
    """What the new images would do to the shares of the classes, as far as the model's answers can tell."""
    told = [share for share in classes if share.estimated]
    if not told:
        return "How frequent each class is among the new images cannot be told from what the model answers."
    moved = [
        f"{share.label} is {'more' if share.estimated.value > share.reference else 'less'} frequent, "
        f"{share_words(share.estimated.value)} (95 % interval {share_words(share.estimated.low)} to "
        f"{share_words(share.estimated.high)}) where it was {share_words(share.reference)}"
        for share in told
        if share.estimated and not share.estimated.low <= share.reference <= share.estimated.high
    ]
    if not moved:
        return "By what the model answers, no class is shown to be more or less frequent than it was."
    return f"By what the model answers, {'; '.join(moved)}."


def _champion(drift: DriftOutcome) -> str:
    return "the champion" if drift.champion is None else f"v{drift.champion}"


def _because(drift: DriftOutcome) -> str:
    if not drift.reasons:
        return ""
    first, _, _ = drift.reasons[0].partition(". ")
    return f": {as_clause(first)}"
