"""Snapshots: the exact rows a training may see."""

from storage import snapshots
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.config import SnapshotOptions
from xray_model.errors import SnapshotRefused
from xray_model.outcomes import SnapshotOutcome


@stage_task("build-snapshot")
def build_snapshot(options: SnapshotOptions) -> SnapshotOutcome:
    """Write the accepted rows down under the hash of their content."""
    return snapshots.build_snapshot(open_store(Settings()).objects, options)


@stage_task("check-snapshot")
def check_snapshot(snapshot: SnapshotOutcome, options: SnapshotOptions) -> None:
    """Ask the suite `snapshot` before anything is trained.

    Raises:
        SnapshotRefused: a rule is broken, or could not be checked.
    """
    from expectations.snapshot import check_snapshot as ask_suite

    rows = snapshots.load_snapshot(open_store(Settings()).objects, snapshot.snapshot_id)
    broken = [
        f"{result.refusal} ({result.failures})" if result.evaluated else f"“{result.sentence}” could not be checked"
        for result in ask_suite(rows, options.classes)
        if not (result.passed and result.evaluated)
    ]
    if broken:
        raise SnapshotRefused(
            f"snapshot {snapshot.snapshot_id} must not be trained on: {'; '.join(broken)}. Nothing was trained; "
            "push more images where a class is short, and have the batches concerned read again otherwise."
        )
