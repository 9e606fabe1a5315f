"""What is trained on after decisions: held batches, released and relabelled images, and batches read again."""

import pytest

from storage.decisions import count_statuses, load_rows_now
from storage.known import load_known
from storage.objects import Objects
from tests.storage.deciding import HELD, OTHER, SAME, UNLIKE, commit, decide, snapshot_of
from xray_model.data.decisions import MONITOR
from xray_model.errors import InvalidInput


def test_snapshot_follows_decisions(objects: Objects) -> None:
    """One image released and the rest rejected: the next snapshot has that one, and undo gives the first id again."""
    commit(objects, OTHER, ["accepted", "quarantined"])
    commit(objects, HELD, ["held", "held", "quarantined"], phash=UNLIKE[4:7])
    before, _ = snapshot_of(objects)
    release = decide(objects, "release", f"{HELD}-0")
    decide(objects, "reject")
    assert (release.changed, release.accepted) == (1, 1)
    after, images = snapshot_of(objects)
    assert images == {f"{OTHER}-0", f"{HELD}-0"}
    assert after.snapshot_id != before.snapshot_id
    decide(objects, "undo", undoes=release.decision.id)
    assert snapshot_of(objects)[0] == before


def test_batch_held_by_the_monitor_is_not_trained_on(objects: Objects) -> None:
    """Its images leave the next snapshot, a release brings them back, and it is not held a second time."""
    commit(objects, OTHER, ["accepted"], phash=UNLIKE[4:5])
    commit(objects, HELD, ["accepted", "accepted", "quarantined"])
    before, _ = snapshot_of(objects)
    hold = decide(objects, "hold", who=MONITOR, why="Much darker.")
    assert (hold.changed, hold.accepted, hold.statuses) == (2, 0, {"held": 2, "quarantined": 1})
    assert snapshot_of(objects)[1] == {f"{OTHER}-0"}
    assert count_statuses(objects) == {HELD: {"held": 2, "quarantined": 1}}
    with pytest.raises(InvalidInput, match="held for drift before"):
        decide(objects, "hold", who=MONITOR, why="Much brighter.")
    assert decide(objects, "release").accepted == 2
    assert snapshot_of(objects)[0] == before
    with pytest.raises(InvalidInput, match="ada looked at it"):
        decide(objects, "hold", who=MONITOR, why="Much brighter.")


def test_undone_hold_stays_undone(objects: Objects) -> None:
    """A person who takes a hold back is not asked again, and the images are trained on as before."""
    commit(objects, HELD, ["accepted", "accepted"])
    before, _ = snapshot_of(objects)
    hold = decide(objects, "hold", who=MONITOR)
    decide(objects, "undo", undoes=hold.decision.id)
    assert snapshot_of(objects)[0] == before
    with pytest.raises(InvalidInput, match="a person took that back"):
        decide(objects, "hold", who=MONITOR, why="Once more.")


def test_undone_hold_leaves_no_twin_across_the_split(objects: Objects) -> None:
    """A batch that came while another was held is compared with it, so that its twin stays out afterwards too."""
    commit(objects, HELD, ["accepted", "accepted"], phash=[SAME, UNLIKE[1]])
    hold = decide(objects, "hold", who=MONITOR)
    assert load_known(objects, ["image_id"], ("accepted", "held")).batches == ()
    commit(objects, OTHER, ["accepted"], phash=[SAME], split=["test"])
    decide(objects, "undo", undoes=hold.decision.id)
    assert snapshot_of(objects)[1] == {f"{HELD}-0", f"{HELD}-1"}


def test_relabelled_row_is_trained_on_as_it_is_called_now(objects: Objects) -> None:
    """A new finding makes another snapshot, of the same images."""
    commit(objects, HELD, ["accepted", "accepted"])
    first = snapshot_of(objects)[0]
    decide(objects, "relabel", f"{HELD}-1", label="normal")
    second = snapshot_of(objects)[0]
    assert first.counts["train"] == {"covid": 2, "normal": 0}
    assert second.counts["train"] == {"covid": 1, "normal": 1}


def test_released_twin_across_the_split_stays_out(objects: Objects) -> None:
    """A near duplicate in another split is not trained on beside its twin, in its own batch or in another."""
    phash, split = [SAME, SAME, UNLIKE[0]], ["train", "test", "test"]
    commit(objects, HELD, ["accepted", "quarantined", "accepted"], phash=phash, split=split)
    commit(objects, OTHER, ["quarantined"], (HELD,), phash=[SAME], split=["validation"])
    for batch, image in ((HELD, f"{HELD}-1"), (OTHER, f"{OTHER}-0")):
        decide(objects, "release", image, batch=batch)
    snapshot, images = snapshot_of(objects)
    assert images == {f"{HELD}-0", f"{HELD}-2"}
    assert snapshot.excluded == {"like an image in another split (released by a person all the same)": 2}


def test_released_row_is_compared_with_what_came_while_it_was_out(objects: Objects) -> None:
    """A batch ingested later never saw the held rows, and an earlier one never the rows whose rejection was undone."""
    commit(objects, HELD, ["held", "held"], phash=[SAME, UNLIKE[1]])
    commit(objects, OTHER, ["accepted"], (HELD,), phash=[SAME], split=["test"])
    decide(objects, "release")
    assert snapshot_of(objects)[1] == {f"{HELD}-1", f"{OTHER}-0"}

    third = "a.third.333333333333"
    rejected = decide(objects, "reject", f"{OTHER}-0", batch=OTHER)
    commit(objects, third, ["accepted"], (HELD, OTHER), phash=[SAME], split=["validation"])
    decide(objects, "undo", batch=OTHER, undoes=rejected.decision.id)
    assert snapshot_of(objects)[1] == {f"{HELD}-1", f"{third}-0"}


def test_released_row_is_not_compared_again_with_what_it_was_compared_with(objects: Objects) -> None:
    """Held rows were sound, so the batches that theirs was compared with when it came are passed over."""
    commit(objects, OTHER, ["accepted"], phash=[SAME], split=["test"])
    commit(objects, HELD, ["held"], (OTHER,), phash=[SAME])
    decide(objects, "release")
    assert snapshot_of(objects)[1] == {f"{HELD}-0", f"{OTHER}-0"}


def test_same_bytes_released_beside_a_corrected_copy(objects: Objects) -> None:
    """The copy that was accepted stays, with its finding; the one released later leaves."""
    commit(objects, HELD, ["held"], image_id=["x"], label="normal")
    commit(objects, OTHER, ["accepted"], image_id=["x"])
    decide(objects, "release")
    snapshot, images = snapshot_of(objects)
    assert images == {"x"}
    assert snapshot.counts["train"] == {"covid": 1, "normal": 0}


def test_new_images_are_compared_with_what_counts_now(objects: Objects) -> None:
    """Released images are known to the next ingest, rejected ones are not."""
    commit(objects, HELD, ["held", "accepted"])
    decide(objects, "release", f"{HELD}-0")
    decide(objects, "reject", f"{HELD}-1")
    assert load_known(objects, ["image_id"]).rows["image_id"].tolist() == [f"{HELD}-0"]
    assert load_rows_now(objects, ["image_id"], statuses=("rejected",))["image_id"].tolist() == [f"{HELD}-1"]


def test_file_refused_once_more_by_a_later_revision_stays_released(objects: Objects) -> None:
    """A revision that reads the same file again and refuses it does not undo a person's release."""
    late = "a.held.000000000000"
    commit(objects, HELD, ["quarantined", "accepted"])
    decide(objects, "release", f"{HELD}-0")
    commit(objects, late, ["quarantined"], image_id=[f"{HELD}-0"], key=["k0"], revision=1)
    assert snapshot_of(objects)[1] == {f"{HELD}-0", f"{HELD}-1"}


def test_rejection_holds_for_the_batch_read_again(objects: Objects) -> None:
    """The image stays out of the new reading, which tells so, until the rejection of the old one is undone."""
    again = f"{HELD}-1"
    commit(objects, HELD, ["accepted", "quarantined", "held"])
    rejected = decide(objects, "reject", f"{HELD}-0", f"{HELD}-1").decision
    decide(objects, "relabel", f"{HELD}-2", label="normal")
    decide(objects, "release")
    commit(objects, again, ["accepted"] * 3, image_id=[f"{HELD}-{place}" for place in range(3)])
    rows = load_rows_now(objects, ["image_id", "status", "label"])
    assert rows["status"].tolist() == ["rejected", "rejected", "accepted"]
    assert rows["label"].tolist() == ["covid", "covid", "normal"]
    assert count_statuses(objects) == {again: {"rejected": 2, "accepted": 1}}
    assert snapshot_of(objects)[1] == {f"{HELD}-2"}

    undone = decide(objects, "undo", undoes=rejected.id)
    assert (undone.changed, undone.accepted, undone.statuses) == (2, 2, {"accepted": 3})
    assert snapshot_of(objects)[1] == {f"{HELD}-{place}" for place in range(3)}


def test_image_that_was_out_of_the_batch_read_again_is_compared_with_what_came_meanwhile(objects: Objects) -> None:
    """Its rejection was undone after another batch had come that holds it in another split."""
    commit(objects, HELD, ["accepted"], phash=[SAME])
    rejected = decide(objects, "reject", f"{HELD}-0").decision
    commit(objects, f"{HELD}-1", ["accepted"], image_id=[f"{HELD}-0"], phash=[SAME])
    commit(objects, OTHER, ["accepted"], (f"{HELD}-1",), phash=[SAME], split=["test"])
    decide(objects, "undo", undoes=rejected.id)
    assert snapshot_of(objects)[1] == {f"{OTHER}-0"}
