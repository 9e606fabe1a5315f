"""Flow `retrain`: from the accepted images to a champion, or to the reasons why not."""

from prefect import flow, get_run_logger
from prefect.context import FlowRunContext

from flows.explaining import explain
from flows.gpu import gpu_slot
from flows.shards import features_over_shards
from tasks.evaluation import decide_promotion, evaluate_model
from tasks.events import announce_model
from tasks.promotion import find_champion_run, find_standing, promote, was_decided
from tasks.reporting import find_untold_models, hand_over_retraining, keep_retraining, write_model_report
from tasks.snapshot import build_snapshot, check_snapshot
from tasks.training import train_challenger
from xray_model.config import RetrainOptions
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.evaluation.retrain_policy import RetrainDecision, decide_retrain, minority_class
from xray_model.log_ids import set_ids
from xray_model.outcomes import ChampionSummary, EvaluationOutcome, RetrainOutcome, SnapshotOutcome


@flow(name="retrain", log_prints=False)
def retrain(options: RetrainOptions | None = None) -> RetrainOutcome:
    """Train a challenger and promote it only if it is really better on the minority class.

    1. Write the pages of models that an earlier run judged and did not get to.
    2. Build the snapshot; stop if it was decided on before, or cannot be trained on, and fail if it breaks a rule.
    3. Train the challenger: rebalance, frozen features, head.
    4. Evaluate challenger and champion on the same test patients, and look for shortcuts in the challenger.
    5. Decide at the gate.
    6. Register, record the decision, move the alias last, and announce it.
    7. Write the model's page.

    A run of the deployment hands what it came to over to whoever waits for it, and takes one of the GPU's slots.
    """
    chosen = options or RetrainOptions()
    try:
        outcome = _retrain(chosen)
    except Exception as error:
        _hand_over(failed_retraining(error))
        raise
    _hand_over(outcome)
    return outcome


def plan_retrain(options: RetrainOptions) -> tuple[SnapshotOutcome, RetrainDecision]:
    """Write the pages that are missing, build the snapshot, and say whether to train on it: all but the training."""
    for earlier in find_untold_models():
        _write_page(earlier)
    snapshot = build_snapshot(options.snapshot)
    set_ids(snapshot=snapshot.snapshot_id)
    decided_before = was_decided(snapshot.snapshot_id, options)
    return snapshot, decide_retrain(snapshot, decided_before=decided_before, force=options.force)


def failed_retraining(error: Exception) -> RetrainOutcome:
    """What a training came to that should have been done and raised."""
    reason = f"The training failed{explain(error)}"
    return RetrainOutcome(trained=False, failed=True, reasons=(reason,))


def _retrain(options: RetrainOptions) -> RetrainOutcome:
    standing = find_standing()
    snapshot, verdict = plan_retrain(options)
    if not verdict.train:
        return RetrainOutcome(trained=False, reasons=verdict.reasons, snapshot=snapshot)
    check_snapshot(snapshot, options.snapshot)
    minority = minority_class(snapshot, options.gate.minority)
    champion_run = find_champion_run(standing.champion)
    with gpu_slot(), features_over_shards():
        training = train_challenger(snapshot.snapshot_id, minority, options)
        run_id, name = training.run_id, "challenger"
        challenger = evaluate_model(run_id, name, snapshot.snapshot_id, minority, options.gate, probe=True)
        champion = _rescore(standing.champion, champion_run, run_id, challenger, options)
    classes = None if standing.champion is None else standing.champion.classes
    decision = decide_promotion(challenger, champion, classes, options.gate)
    outcome = RetrainOutcome(
        trained=True,
        reasons=verdict.reasons,
        snapshot=snapshot,
        training=training,
        challenger=challenger,
        champion=champion,
    )
    keep_retraining(outcome)
    promotion = promote(decision, training, challenger, standing, options)
    announce_model(promotion)
    return _write_page(outcome.model_copy(update={"promotion": promotion}))


def _hand_over(outcome: RetrainOutcome) -> None:
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None:
        hand_over_retraining(str(context.flow_run.id), outcome)


def _rescore(
    champion: ChampionSummary | None,
    champion_run: str | None,
    challenger_run: str,
    challenger: EvaluationOutcome,
    options: RetrainOptions,
) -> EvaluationOutcome | None:
    """The champion on the challenger's test rows.

    None where there is none, it tells other classes apart, or cannot be scored any more: the gate has a policy for it.
    """
    if champion is None or champion_run is None or champion.classes != options.snapshot.classes:
        return None
    name, snapshot_id = f"champion v{champion.version}", challenger.snapshot_id
    try:
        return evaluate_model(
            champion_run, name, snapshot_id, challenger.minority, options.gate, against=challenger_run
        )
    except (InvalidInput, ObjectNotFound) as error:
        get_run_logger().warning("%s cannot be scored: %s", name, error)
        return None


def _write_page(outcome: RetrainOutcome) -> RetrainOutcome:
    """Write a judged model's page; where that fails the decision counts all the same, and the outcome says so."""
    try:
        write_model_report(outcome)
    except Exception:  # noqa: BLE001 - drawing and heat maps may fail in any way; it is logged and reported
        get_run_logger().exception("a judged model has no page; the next run writes it")
        told = "The model's page could not be written: the log has the details, and the next run tries again."
        return outcome.model_copy(update={"reasons": (*outcome.reasons, told)})
    return outcome
