"""Holding: a batch that looks all too different waits for a steward, and the night tells of it so."""

from collections.abc import Sequence

from storage.decisions import load_decisions, load_rows_now, record_decision
from storage.objects import Objects
from storage.settings import Settings
from storage.settling import apply_holds
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.data.decisions import MONITOR, Action, propose, standing_decisions
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome

_LONGEST_WHY = 2000
_TOLD = 2
"""Reasons that the decision repeats: the rule, and what moved most; the page has all."""
_WITH_THE_NIGHT = "The images of the night as a whole look all too different, and too little is known of these alone."


def hold_batch(objects: Objects, drift: DriftOutcome) -> DriftOutcome:
    """Record that a batch waits for a steward, once; the outcome says whether it does, and where it must not, why."""
    known = load_decisions(objects, [drift.name]).get(drift.name, [])
    if not any(one.action is Action.HOLD for one in standing_decisions(known).values()):
        why = "".join(character if character.isprintable() else " " for character in " ".join(drift.reasons[:_TOLD]))
        proposal = propose(batch_id=drift.name, action=Action.HOLD, who=MONITOR, why=why[:_LONGEST_WHY])
        try:
            record_decision(objects, proposal)
        except InvalidInput as error:
            told = f"It does not wait all the same: {str(error).rstrip('.')}."
            return drift.model_copy(update={"reasons": (*drift.reasons, told)})
    return drift.model_copy(update={"held": bool(find_waiting(objects, [drift.name]))})


def hold_night(objects: Objects, drift: DriftOutcome, unjudged: Sequence[str]) -> DriftOutcome:
    """Let those batches of a night wait that by themselves had too few patients to tell; the outcome names them.

    Args:
        objects: the store.
        drift: of the night.
        unjudged: ids of those batches, and of those that wait already.
    """
    reasons = (_WITH_THE_NIGHT, *drift.reasons)
    each = [hold_batch(objects, drift.model_copy(update={"name": name, "reasons": reasons})) for name in unjudged]
    names = ", ".join(" / ".join(one.name.split(".")[:2]) for one in each if one.held)
    told = f"Of its batches these wait for a steward: {names}." if names else "None of its batches waits for that."
    return drift.model_copy(update={"reasons": (*drift.reasons, told), "held": bool(names)})


def find_waiting(objects: Objects, batches: Sequence[str]) -> tuple[str, ...]:
    """Those of some batches that a hold lets wait: it stands, and somebody has still to decide on an image."""
    decisions = load_decisions(objects, batches) if batches else {}
    held = [
        batch_id
        for batch_id in batches
        if any(one.action is Action.HOLD for one in standing_decisions(decisions.get(batch_id, ())).values())
    ]
    rows = load_rows_now(objects, ["batch_id"], held, ("held",))
    return tuple(batch_id for batch_id in held if (rows["batch_id"] == batch_id).any())


@stage_task("find-held-batches")
def follow_holds(batches: tuple[BatchOutcome, ...]) -> tuple[BatchOutcome, ...]:
    """The batches of a night as they stand after its holds: what waits is held, and no longer accepted."""
    objects = open_store(Settings()).objects
    decisions = load_decisions(objects, [batch.batch_id for batch in batches]) if batches else {}
    return tuple(
        _follow_hold(objects, batch, apply_holds(batch, decisions.get(batch.batch_id, ()))) for batch in batches
    )


def _follow_hold(objects: Objects, batch: BatchOutcome, held: BatchOutcome) -> BatchOutcome:
    if held is batch:
        return batch
    counts = load_rows_now(objects, ["status"], [batch.batch_id])["status"].value_counts()
    figures = {status: int(counts.get(status, 0)) for status in ("accepted", "quarantined", "held")}
    if not figures["held"]:  # a person has decided already
        return batch.model_copy(update=figures | {"status": BatchStatus.ACCEPTED})
    return held.model_copy(update=figures)
