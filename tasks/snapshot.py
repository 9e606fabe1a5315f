"""Snapshots: the exact rows a training may see."""

from storage import snapshots
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import SnapshotOptions
from xray_model.outcomes import SnapshotOutcome


@stage_task("build-snapshot")
def build_snapshot(options: SnapshotOptions) -> SnapshotOutcome:
    """Write the accepted rows down under the hash of their content."""
    return snapshots.build_snapshot(open_store(Settings()).objects, options)
