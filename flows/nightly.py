"""Flow `nightly`: the whole night."""

import secrets
from datetime import UTC, datetime

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.explaining import explain
from flows.ingest import ingest
from flows.monitor import monitor
from flows.retrain import failed_retraining
from flows.routing import route_retrain
from flows.running import without_heartbeat
from flows.timing import measure
from tasks.holding import follow_holds
from tasks.metrics import keep_metrics
from tasks.promotion import find_standing
from tasks.reporting import announce, find_untold_batches, write_reports
from xray_model.config import MonitorOptions, NightlyOptions, RetrainOptions
from xray_model.log_ids import set_ids
from xray_model.outcomes import (
    BatchOutcome,
    DriftOutcome,
    DriftState,
    MonitorOutcome,
    NightOutcome,
    RetrainOutcome,
    StageTime,
)


@flow(name="nightly", log_prints=False)
def nightly(options: NightlyOptions | None = None) -> State[NightOutcome]:
    """Run a night.

    1. Ingest: new batches into the catalog; what fails the suites is quarantined or held.
    2. Monitor: the new images against the champion's reference; a batch that looks all too different waits.
    3. Retrain: a challenger on everything accepted, the gate, the alias; on the GPU pool where there is one.
    4. Report: a page for the night, one per batch and model, and the index; the night's figures for Prometheus.
    """
    chosen = options or NightlyOptions()
    started = datetime.now(UTC)
    night_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    set_ids(night=night_id, snapshot=None)
    stages: list[StageTime] = []
    with measure("ingest", stages), without_heartbeat():
        batches = ingest(chosen.ingest)
    batches += find_untold_batches(tuple(batch.batch_id for batch in batches))
    with measure("monitor", stages), without_heartbeat():
        drift, batch_drift = monitor_or_explain(batches, night_id, chosen.monitor)
    batches = follow_holds(batches)
    with measure("retrain", stages), without_heartbeat():
        outcome = retrain_or_explain(chosen.retrain, started)
    night = NightOutcome(
        night_id=night_id,
        started=started,
        finished=datetime.now(UTC),
        batches=batches,
        drift=drift,
        batch_drift=batch_drift,
        retrain=outcome,
        champion=find_standing().champion,
        stages=tuple(stages),
    )
    announce(night, write_reports(night))
    keep_metrics(night)
    if outcome.failed:
        return Failed(message=outcome.reasons[0], data=night)
    return Completed(name=_state_name(batches, outcome), data=night)


def monitor_or_explain(
    batches: tuple[BatchOutcome, ...], night_id: str, options: MonitorOptions
) -> tuple[DriftOutcome, tuple[DriftOutcome, ...]]:
    """Compare the new images: of the night as one, and of each batch.

    Where that fails the night goes on, and says that nothing is known of drift. No event is sent: the night trains.
    """
    new = tuple(batch.batch_id for batch in batches if batch.accepted + batch.held)
    if not new:
        return _know_nothing(night_id, "No new images tonight."), ()
    tonight = {"batches": new, "night": night_id, "since": None, "until": None, "announce": False}
    try:
        found: MonitorOutcome = monitor(options.model_copy(update=tonight))
    except Exception as error:  # noqa: BLE001 - it is logged and reported
        get_run_logger().exception("drift could not be measured")
        return _know_nothing(night_id, f"Drift could not be measured{explain(error)}"), ()
    (night,) = found.of("night")
    return night, tuple(drift.without_charts() for drift in found.of("batch"))


def retrain_or_explain(options: RetrainOptions, began: datetime) -> RetrainOutcome:
    """Retrain; where that fails the night is still reported, says so, and fails."""
    try:
        return route_retrain(options, began)
    except Exception as error:  # noqa: BLE001 - it is logged, reported, and fails the flow
        get_run_logger().exception("the training failed; the champion stays in service")
        return failed_retraining(error)


def _know_nothing(night_id: str, reason: str) -> DriftOutcome:
    return DriftOutcome(state=DriftState.UNKNOWN, reasons=(reason,), name=night_id)


def _state_name(batches: tuple[BatchOutcome, ...], outcome: RetrainOutcome) -> str:
    """What a scheduler sees of the night at a glance."""
    if outcome.promotion is not None:
        if outcome.promotion.awaits_approval:
            return "AwaitsApproval"
        return "Promoted" if outcome.promotion.decision.promote else "KeptChampion"
    return "NotTrained" if batches else "NothingNew"
