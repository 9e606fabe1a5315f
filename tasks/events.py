"""Events: what Prefect is told beside the states of runs, so that automations tell people. Ids and figures only."""

from prefect.events import emit_event
from pydantic import BaseModel, ConfigDict

from tasks.skin import stage_task
from xray_model.outcomes import BatchOutcome, DriftOutcome, DriftState, PromotionOutcome

HELD = "xray.batch.held"
"""An expectation on the whole batch holds it; the resource is `xray.batch.<batch_id>`."""
PROMOTED = "xray.model.promoted"
"""The gate put a model in service; the resource is `xray.model.<version>`."""
WAITS = "xray.model.waits"
"""A model passed the gate and waits for a steward; the resource likewise."""
DRIFTED = "xray.drift.found"
"""New images moved so far that a batch waits or a training is asked for; the resource is `xray.drift.<subject>`.

It tells people. `xray.drift.retrain`, which starts a training, is another: no night sends it, for it trains itself.
"""


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True)


class HeldBatch(_Payload):
    """What `HELD` tells."""

    batch: str
    images: int
    """That wait."""


class JudgedModel(_Payload):
    """What `PROMOTED` and `WAITS` tell."""

    version: int
    champion_before: int | None
    """Version that was in service."""
    minority_f1: float


class FoundDrift(_Payload):
    """What `DRIFTED` tells."""

    subject: str
    name: str
    """Id of the batch or night, or the days of the window."""
    state: DriftState
    moved: float
    """Share of the columns."""
    champion: int | None
    page: str | None
    """Its key in the store."""


@stage_task("announce-hold")
def announce_hold(batch: BatchOutcome) -> None:
    """Tell that a batch waits for a steward."""
    _emit(HELD, f"xray.batch.{batch.batch_id}", batch.batch_id, HeldBatch(batch=batch.batch_id, images=batch.held))


@stage_task("announce-model")
def announce_model(promotion: PromotionOutcome) -> None:
    """Tell that a model came into service or waits for a steward; of one that did not pass nothing is told."""
    if not promotion.decision.promote:
        return
    version = promotion.challenger_version
    judged = JudgedModel(
        version=version,
        champion_before=promotion.champion_before,
        minority_f1=round(promotion.decision.minority_f1.value, 4),
    )
    _emit(WAITS if promotion.awaits_approval else PROMOTED, f"xray.model.{version}", f"v{version}", judged)


@stage_task("announce-drift-found")
def announce_drift(drift: DriftOutcome) -> None:
    """Tell that a batch waits or a training is asked for because of drift."""
    found = FoundDrift(
        subject=drift.subject,
        name=drift.name,
        state=drift.state,
        moved=round(drift.share, 4),
        champion=drift.champion,
        page=drift.page_key,
    )
    _emit(DRIFTED, f"xray.drift.{drift.subject}", drift.name, found)


def _emit(event: str, resource: str, name: str, payload: _Payload) -> None:
    about = {"prefect.resource.id": resource, "prefect.resource.name": name}
    emit_event(event, about, payload=payload.model_dump(mode="json"))
