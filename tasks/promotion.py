"""Promotion: what the gate decided goes into the ledger, then the registry's aliases follow."""

from prefect import get_run_logger
from pydantic import BaseModel, ConfigDict

from storage import ledger
from storage.aliases import find_run, follow_ledger
from storage.objects import Objects
from storage.promotion import record_judgement
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import RetrainOptions
from xray_model.errors import ConfigurationError, ObjectNotFound, RegistryUnavailable
from xray_model.outcomes import ChampionSummary, Decision, EvaluationOutcome, PromotionOutcome, TrainingOutcome


class Standing(BaseModel):
    """What the ledger says now."""

    model_config = ConfigDict(frozen=True)

    champion: ChampionSummary | None


@stage_task("look-up-champion")
def find_standing() -> Standing:
    """The model in service; aliases that a crash left behind are moved."""
    settings = Settings()
    objects = open_store(settings).objects
    _follow(objects, Registry(settings))
    return Standing(champion=ledger.champion_of(ledger.load_entries(objects)))


@stage_task("look-up-decision")
def was_decided(snapshot_id: str, options: RetrainOptions) -> bool:
    """Whether this snapshot was trained with these options before, and decided on."""
    entries = ledger.load_entries(open_store(Settings()).objects)
    return ledger.was_decided(entries, snapshot_id, ledger.options_digest(options))


@stage_task("find-champion-run")
def find_champion_run(champion: ChampionSummary | None) -> str | None:
    """MLflow run of the model in service; None where there is none, or the registry lost it.

    Raises:
        ConfigurationError: the registry has another model under its version.
    """
    if champion is None:
        return None
    settings = Settings()
    entries = ledger.load_entries(open_store(settings).objects)
    try:
        return find_run(entries, Registry(settings), champion.version)
    except ObjectNotFound as error:
        get_run_logger().warning("champion v%d cannot be scored: %s", champion.version, error)
        return None


@stage_task("promote")
def promote(
    decision: Decision,
    training: TrainingOutcome,
    challenger: EvaluationOutcome,
    standing: Standing,
    options: RetrainOptions,
) -> PromotionOutcome:
    """Register the challenger, record the decision, and let the aliases follow; tried again, it does what is left.

    Where the policy asks for approval, a challenger that passed waits for a steward.

    Raises:
        ConfigurationError: the registry gave the challenger a version under which another model was decided on.
        DecisionOvertaken: another model came into service since `standing` was looked up.
    """
    settings = Settings()
    objects, registry = open_store(settings).objects, Registry(settings)
    judgement = ledger.Judgement(
        snapshot_id=challenger.snapshot_id,
        options_digest=ledger.options_digest(options),
        backbone=training.backbone,
        classes=tuple(score.label for score in challenger.classes),
        challenger_version=registry.register(training.run_id, challenger),
        run_id=training.run_id,
        model_sha256=training.model_sha256,
        test_patients=challenger.patients,
        decision=decision.model_copy(update={"requires_approval": options.gate.require_approval}),
    )
    compared_with = None if standing.champion is None else standing.champion.version
    entry = record_judgement(objects, judgement, compared_with).entry
    _follow(objects, registry)
    return entry.outcome


def _follow(objects: Objects, registry: Registry) -> None:
    """The ledger counts also where the registry does not follow it, and no night is lost by that."""
    try:
        follow_ledger(objects, registry)
    except (ConfigurationError, RegistryUnavailable):
        get_run_logger().warning(
            "the registry's aliases do not follow the ledger; the next run tries again", exc_info=True
        )
