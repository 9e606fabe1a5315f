"""Promotion: what the gate decided goes into the ledger, then the registry's alias follows."""

from datetime import UTC, datetime

from storage import ledger
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import RetrainOptions
from xray_model.outcomes import ChampionSummary, Decision, EvaluationOutcome, PromotionOutcome, TrainingOutcome


@stage_task("find-champion-run")
def find_champion_run(champion: ChampionSummary) -> str:
    """MLflow run of the model in service; the alias is set right where a crash left it behind the ledger."""
    registry = Registry(Settings())
    if registry.champion_version() != champion.version:
        registry.move_champion(champion.version)
    return registry.run_of(champion.version)


@stage_task("promote")
def promote(
    decision: Decision,
    training: TrainingOutcome,
    challenger: EvaluationOutcome,
    champion: ChampionSummary | None,
    options: RetrainOptions,
) -> PromotionOutcome:
    """Register the challenger, record the decision, and move the alias last where it is promoted."""
    settings = Settings()
    registry = Registry(settings)
    version = registry.register(training.run_id, challenger)
    before = None if champion is None else champion.version
    after = version if decision.promote else before
    entry = ledger.LedgerEntry(
        decided=datetime.now(UTC),
        snapshot_id=challenger.snapshot_id,
        options_digest=ledger.options_digest(options),
        backbone=training.backbone,
        classes=tuple(score.label for score in challenger.classes),
        challenger_version=version,
        champion_before=before,
        champion_after=after,
        test_patients=challenger.patients,
        decision=decision,
    )
    ledger.append_entry(open_store(settings).objects, entry)
    if decision.promote:
        registry.move_champion(version)
    return PromotionOutcome(decision=decision, challenger_version=version, champion_before=before, champion_after=after)
