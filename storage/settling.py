"""What a night found, after what stewards have decided since."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from storage.catalog import batch_family
from xray_model.data.decisions import Action, Decision, standing_decisions
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, NightOutcome

Counts: TypeAlias = Mapping[str, Mapping[str, int]]
"""Rows by status of each current batch that was decided on, as `decisions.count_statuses` gives them."""


def settle_night(night: NightOutcome, counts: Counts) -> NightOutcome:
    """The night with its batches and its drift settled, so that it calls for a person only where one is still needed.

    What drift held is over once none of its batches waits any more.
    """
    batches = tuple(settle_batch(batch, counts) for batch in night.batches)
    waits = any(batch.status is BatchStatus.HELD for batch in batches)
    each = tuple(settle_drift(drift, counts) for drift in night.batch_drift)
    drift = night.drift.model_copy(update={"held": night.drift.held and waits})
    return night.model_copy(update={"batches": batches, "drift": drift, "batch_drift": each})


def settle_drift(drift: DriftOutcome, counts: Counts) -> DriftOutcome:
    """The comparison of a batch as no longer held, once nothing of the batch waits; every other as it is."""
    over = drift.subject == "batch" and drift.name in counts and not _waits(batch_family(drift.name), counts)
    return drift.model_copy(update={"held": False}) if over else drift


def settle_batch(batch: BatchOutcome, counts: Counts) -> BatchOutcome:
    """A held batch as accepted, in the figures that count now, once all its images that waited are decided.

    Those of its earlier revisions are its images too. Every other batch stays as it is: one that was refused or
    failed has no image to decide on.
    """
    now = counts.get(batch.batch_id)
    if batch.status is not BatchStatus.HELD or now is None or _waits(batch_family(batch.batch_id), counts):
        return batch
    figures = {status: now.get(status, 0) for status in ("accepted", "quarantined")}
    return batch.model_copy(update={**figures, "held": 0, "status": BatchStatus.ACCEPTED, "reasons": ()})


def apply_holds(batch: BatchOutcome, decisions: Iterable[Decision]) -> BatchOutcome:
    """A batch that was held since it was committed, with the reasons of that; its figures stay as they are.

    Args:
        batch: as the catalog tells of it.
        decisions: on this reading of it, or on all its readings.
    """
    standing = standing_decisions(decisions).values()
    holds = [one.why for one in standing if one.action is Action.HOLD and one.batch_id == batch.batch_id]
    if not holds:
        return batch
    return batch.model_copy(update={"status": BatchStatus.HELD, "reasons": (*batch.reasons, *holds)})


def _waits(family: str, counts: Counts) -> bool:
    return any(statuses.get("held") for name, statuses in counts.items() if batch_family(name) == family)
