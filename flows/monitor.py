"""Flow `monitor`: has the world changed since the champion was trained."""

from prefect import flow

from tasks.drift import monitor_drift
from tasks.promotion import find_standing
from xray_model.config import MonitorOptions
from xray_model.outcomes import DriftOutcome, DriftState


@flow(name="monitor", log_prints=False)
def monitor(batch_ids: tuple[str, ...], report_key: str, options: MonitorOptions | None = None) -> DriftOutcome:
    """Compare batches with what the champion was trained on.

    1. Find the champion and its reference.
    2. Let Evidently compare, and the policy judge.
    """
    if not batch_ids:
        return DriftOutcome(state=DriftState.UNKNOWN, reasons=("No new images tonight.",))
    champion = find_standing().champion
    if champion is None:
        reason = "There is no champion yet, so there is nothing to compare with."
        return DriftOutcome(state=DriftState.UNKNOWN, reasons=(reason,))
    return monitor_drift(batch_ids, champion, (options or MonitorOptions()).policy, report_key)
