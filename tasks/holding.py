"""Holding: a batch that looks all too different waits for a steward, and the night tells of it so."""

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


def hold_batch(objects: Objects, drift: DriftOutcome) -> DriftOutcome:
    """Record that a batch waits for a steward, once; where that must not be, the outcome says why."""
    known = load_decisions(objects, [drift.name]).get(drift.name, [])
    if any(one.action is Action.HOLD for one in standing_decisions(known).values()):
        return drift
    why = "".join(character if character.isprintable() else " " for character in " ".join(drift.reasons))
    proposal = propose(batch_id=drift.name, action=Action.HOLD, who=MONITOR, why=why[:_LONGEST_WHY])
    try:
        record_decision(objects, proposal)
    except InvalidInput as error:
        told = f"It does not wait all the same: {str(error).rstrip('.')}."
        return drift.model_copy(update={"reasons": (*drift.reasons, told)})
    return drift


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
