"""Records of trainings, by the snapshot that they were on."""

from storage.objects import Objects
from storage.retrainings import find_retrainings, hand_over, save_retraining
from xray_model.outcomes import RetrainOutcome, SnapshotOutcome


def on(snapshot_id: str, reason: str) -> RetrainOutcome:
    """A training on a snapshot."""
    snapshot = SnapshotOutcome(snapshot_id=snapshot_id, counts={}, patients={})
    return RetrainOutcome(trained=True, reasons=(reason,), snapshot=snapshot)


def test_trainings_of_a_snapshot(objects: Objects) -> None:
    """Those of the snapshot alone are found, and what was handed over is no record."""
    for run, outcome in (("z", on("s1", "first")), ("b", on("s2", "other")), ("a", on("s1", "second"))):
        save_retraining(objects, run, outcome)
    hand_over(objects, "f", on("s1", "handed over"))
    found, unreadable = find_retrainings(objects, "s1")
    assert {outcome.reasons[0] for outcome in found} == {"first", "second"}
    assert unreadable == 0


def test_a_record_of_another_version_is_counted(objects: Objects) -> None:
    """A record that cannot be read hides none of the others, and is counted."""
    save_retraining(objects, "a", on("s1", "first"))
    objects.put("retrainings/b.json", b'{"trained": true, "unheard_of": 1}')
    found, unreadable = find_retrainings(objects, "s1")
    assert [outcome.reasons[0] for outcome in found] == ["first"]
    assert unreadable == 1
