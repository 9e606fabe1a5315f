"""Promotion: what the gate decided goes into the ledger, then the registry's alias follows."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from storage import ledger
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import RetrainOptions
from xray_model.outcomes import ChampionSummary, Decision, EvaluationOutcome, PromotionOutcome, TrainingOutcome


class Standing(BaseModel):
    """What the ledger says now."""

    model_config = ConfigDict(frozen=True)

    champion: ChampionSummary | None
    decisions: int
    """How many there are: the number of the next one."""


@stage_task("look-up-champion")
def find_standing() -> Standing:
    """The model in service and the number of decisions so far; an alias that a crash left behind is moved."""
    settings = Settings()
    objects = open_store(settings).objects
    entries = ledger.load_entries(objects)
    champion = ledger.champion_of(entries)
    if champion is not None and not ledger.alias_follows(objects, champion):
        Registry(settings).move_champion(champion.version)
        ledger.note_alias(objects, champion.version)
    return Standing(champion=champion, decisions=len(entries))


@stage_task("look-up-decision")
def was_decided(snapshot_id: str, options: RetrainOptions) -> bool:
    """Whether this snapshot was trained with these options before, and decided on."""
    entries = ledger.load_entries(open_store(Settings()).objects)
    return ledger.was_decided(entries, snapshot_id, ledger.options_digest(options))


@stage_task("find-champion-run")
def find_champion_run(champion: ChampionSummary) -> str:
    """MLflow run of the model in service."""
    return Registry(Settings()).run_of(champion.version)


@stage_task("promote")
def promote(
    decision: Decision,
    training: TrainingOutcome,
    challenger: EvaluationOutcome,
    standing: Standing,
    options: RetrainOptions,
) -> PromotionOutcome:
    """Register the challenger, record the decision, and move the alias last where it is promoted.

    Raises:
        DecisionOvertaken: another decision was recorded since `standing` was looked up.
    """
    settings = Settings()
    objects, registry = open_store(settings).objects, Registry(settings)
    version = registry.register(training.run_id, challenger)
    before = None if standing.champion is None else standing.champion.version
    after = version if decision.promote else before
    entry = ledger.LedgerEntry(
        number=standing.decisions,
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
    ledger.append_entry(objects, entry)
    if decision.promote:
        registry.move_champion(version)
        ledger.note_alias(objects, version)
    return PromotionOutcome(decision=decision, challenger_version=version, champion_before=before, champion_after=after)
