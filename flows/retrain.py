"""Flow `retrain`: from the accepted images to a champion, or to the reasons why not."""

from prefect import flow

from tasks.evaluation import decide_promotion, evaluate_model
from tasks.promotion import find_champion_run, find_standing, promote, was_decided
from tasks.reporting import write_model_report
from tasks.snapshot import build_snapshot, check_snapshot
from tasks.training import train_challenger
from xray_model.config import RetrainOptions
from xray_model.evaluation.retrain_policy import decide_retrain, minority_class
from xray_model.outcomes import ChampionSummary, EvaluationOutcome, RetrainOutcome


@flow(name="retrain", log_prints=False)
def retrain(options: RetrainOptions | None = None) -> RetrainOutcome:
    """Train a challenger and promote it only if it is really better on the minority class.

    1. Build the snapshot; stop if it was decided on before, or cannot be trained on, and fail if it breaks a rule.
    2. Train the challenger: rebalance, frozen features, head.
    3. Evaluate challenger and champion on the same test patients, and look for shortcuts in the challenger.
    4. Decide at the gate.
    5. Register, record the decision, and move the alias last.
    6. Write the model's page.
    """
    chosen = options or RetrainOptions()
    standing = find_standing()
    snapshot = build_snapshot(chosen.snapshot)
    verdict = decide_retrain(snapshot, decided_before=was_decided(snapshot.snapshot_id, chosen), force=chosen.force)
    if not verdict.train:
        return RetrainOutcome(trained=False, reasons=verdict.reasons, snapshot=snapshot)
    check_snapshot(snapshot, chosen.snapshot)
    minority = minority_class(snapshot, chosen.gate.minority)
    training = train_challenger(snapshot.snapshot_id, minority, chosen)
    challenger = evaluate_model(training.run_id, "challenger", snapshot.snapshot_id, minority, chosen.gate, probe=True)
    champion = _rescore(standing.champion, challenger, chosen)
    classes = None if standing.champion is None else standing.champion.classes
    decision = decide_promotion(challenger, champion, classes, chosen.gate)
    outcome = RetrainOutcome(
        trained=True,
        reasons=verdict.reasons,
        snapshot=snapshot,
        training=training,
        challenger=challenger,
        champion=champion,
        promotion=promote(decision, training, challenger, standing, chosen),
    )
    write_model_report(outcome)
    return outcome


def _rescore(
    champion: ChampionSummary | None, challenger: EvaluationOutcome, options: RetrainOptions
) -> EvaluationOutcome | None:
    """The champion on the challenger's test rows; None where there is none, or it tells other classes apart."""
    if champion is None or champion.classes != options.snapshot.classes:
        return None
    run_id = find_champion_run(champion)
    return evaluate_model(
        run_id, f"champion v{champion.version}", challenger.snapshot_id, challenger.minority, options.gate
    )
