"""Snapshots: the exact rows a training may see."""

from storage import ledger, snapshots
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import RetrainOptions, SnapshotOptions
from xray_model.outcomes import ChampionSummary, SnapshotOutcome


@stage_task("build-snapshot")
def build_snapshot(options: SnapshotOptions) -> SnapshotOutcome:
    """Write the accepted rows down under the hash of their content."""
    return snapshots.build_snapshot(open_store(Settings()).objects, options)


@stage_task("look-up-decision")
def was_decided(snapshot_id: str, options: RetrainOptions) -> bool:
    """Whether this snapshot was trained with these options before, and decided on."""
    return ledger.was_decided(open_store(Settings()).objects, snapshot_id, ledger.options_digest(options))


@stage_task("look-up-champion")
def find_champion() -> ChampionSummary | None:
    """The model in service, as the ledger has it."""
    return ledger.champion_of(ledger.load_entries(open_store(Settings()).objects))
