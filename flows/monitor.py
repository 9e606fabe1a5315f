"""Flow `monitor`: has the world changed since the champion was trained."""

from prefect import flow, get_run_logger

from flows.explaining import explain
from flows.shards import features_over_shards
from tasks.events import announce_drift
from tasks.monitoring import (
    Subject,
    announce_retrain,
    choose_subjects,
    close_champion,
    compare,
    keep_history,
    know_nothing,
)
from tasks.promotion import find_champion_run, find_standing
from xray_model.config import MonitorOptions
from xray_model.log_ids import bind_ids
from xray_model.outcomes import ChampionSummary, DriftOutcome, DriftState, MonitorOutcome


@flow(name="monitor", log_prints=False)
def monitor(options: MonitorOptions | None = None) -> MonitorOutcome:
    """Compare new images with what the champion was trained on.

    1. Choose what is looked at: batches and their night, or a window of days and what was served in it.
    2. Find the champion.
    3. Compare each with its reference: measure, judge, let a batch wait where the policy says so, write the page. The
       night comes last: where it is held, those of its batches wait that alone were too few to tell.
    4. Tell people of what moved, and announce that a retraining is asked for, where one is.
    5. Bring the history up to date that `evidently ui` shows on this machine.
    """
    chosen = options or MonitorOptions()
    subjects = choose_subjects(chosen)
    champion = find_standing().champion
    run_id = find_champion_run(champion)
    drifts: tuple[DriftOutcome, ...] = ()
    try:
        with features_over_shards():
            for subject in subjects:
                drifts += (_compare_or_explain(subject.after(drifts), champion, run_id, chosen),)
    finally:
        close_champion()
    for drift in drifts:
        if (chosen.hold or chosen.announce) and drift.state in {DriftState.RETRAIN, DriftState.HOLD}:
            announce_drift(drift)
        if chosen.announce and drift.state is DriftState.RETRAIN:
            announce_retrain(drift)
    if any(drift.report_key for drift in drifts):
        _keep_history_or_log()
    if chosen.night and len(drifts) == 1:  # the batch is the night
        drifts = (*drifts, drifts[0].model_copy(update={"subject": "night", "name": chosen.night}))
    return MonitorOutcome(drifts=drifts)


def _compare_or_explain(
    subject: Subject, champion: ChampionSummary | None, run_id: str | None, options: MonitorOptions
) -> DriftOutcome:
    """Compare; where that cannot be the others are looked at all the same, and nothing is known of this one."""
    if champion is None:
        return know_nothing(subject, "There is no champion yet, so there is nothing to compare with.")
    if run_id is None:
        lost = f"The registry has lost champion v{champion.version}, so nobody can say what it sees."
        return know_nothing(subject, lost, champion)
    try:
        with bind_ids(**{subject.kind: subject.name}):
            return compare(subject, champion, run_id, options)
    except Exception as error:  # noqa: BLE001 - it is logged and reported
        get_run_logger().exception("the drift of %s %s could not be measured", subject.kind, subject.name)
        return know_nothing(subject, f"Drift could not be measured{explain(error)}", champion)


def _keep_history_or_log() -> None:
    """The history is a copy of what the store holds: without it the outcome counts all the same."""
    try:
        keep_history()
    except Exception:  # noqa: BLE001 - it is logged, and the next run brings it up to date
        get_run_logger().exception("Evidently's workspace was not brought up to date; the next run does it")
