"""Decisions on record: nothing is lost, nothing counts twice, and every reader sees what counts now."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.decisions import PREFIX, Recorded, count_statuses, load_decisions, load_rows_now, record_decision
from storage.known import load_known
from storage.objects import ObjectInfo
from storage.snapshots import build_snapshot, load_snapshot
from storage.store import Store
from xray_model.config import SnapshotOptions
from xray_model.data.decisions import propose
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus, SnapshotOutcome

OPTIONS = SnapshotOptions(classes=("covid", "normal"))
HELD, OTHER = "a.held.111111111111", "a.other.222222222222"
SAME, UNLIKE = "ab" * 32, [f"{place:02x}" * 32 for place in (0x0F, 0xF0, 0x33, 0xCC, 0x55, 0xAA, 0x99, 0x66)]


def commit(store: Store, batch_id: str, statuses: list[str], compared: tuple[str, ...] = (), **columns: object) -> None:
    """Commit a batch with an image of each status, a patient each, all in the training split."""
    places = range(len(statuses))
    frame = {
        "image_id": [f"{batch_id}-{place}" for place in places],
        "batch_id": batch_id,
        "source": "a",
        "key": [f"k{place}" for place in places],
        "revision": 0,
        "patient_id": [f"{batch_id}-p{place}" for place in places],
        "label": "covid",
        "split": "train",
        "status": statuses,
        "phash": [UNLIKE[place] for place in places],
        "shard": 0,
        "row": places,
    } | columns
    outcome = BatchOutcome(batch_id=batch_id, source="a", name="x", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.DataFrame(frame), outcome, compared)


def decide(
    store: Store, action: str, *images: str, batch: str = HELD, form: str | None = None, **more: str
) -> Recorded:
    """Record a decision."""
    fields = {"who": "ada", "why": "seen"} | more
    return record_decision(
        store.objects, propose(batch_id=batch, action=action, image_ids=images, **fields), token=form
    )


def snapshot_of(store: Store) -> tuple[SnapshotOutcome, set[str]]:
    """A snapshot, and the images in it."""
    snapshot = build_snapshot(store.objects, OPTIONS)
    return snapshot, set(load_snapshot(store.objects, snapshot.snapshot_id)["image_id"])


def count(store: Store) -> int:
    """Objects of decisions."""
    return len(list(store.objects.list(PREFIX)))


def test_snapshot_follows_decisions(store: Store) -> None:
    """One image released and the rest rejected: the next snapshot has that one, and undo gives the first id again."""
    commit(store, OTHER, ["accepted", "quarantined"])
    commit(store, HELD, ["held", "held", "quarantined"], phash=UNLIKE[4:7])
    before, _ = snapshot_of(store)
    release = decide(store, "release", f"{HELD}-0")
    decide(store, "reject")
    assert (release.changed, release.accepted) == (1, 1)
    after, images = snapshot_of(store)
    assert images == {f"{OTHER}-0", f"{HELD}-0"}
    assert after.snapshot_id != before.snapshot_id
    decide(store, "undo", undoes=release.decision.id)
    assert snapshot_of(store)[0] == before


def test_relabelled_row_is_trained_on_as_it_is_called_now(store: Store) -> None:
    """A new finding makes another snapshot, of the same images."""
    commit(store, HELD, ["accepted", "accepted"])
    first = snapshot_of(store)[0]
    decide(store, "relabel", f"{HELD}-1", label="normal")
    second = snapshot_of(store)[0]
    assert first.counts["train"] == {"covid": 2, "normal": 0}
    assert second.counts["train"] == {"covid": 1, "normal": 1}


def test_released_twin_across_the_split_stays_out(store: Store) -> None:
    """A near duplicate in another split is not trained on beside its twin, in its own batch or in another."""
    phash, split = [SAME, SAME, UNLIKE[0]], ["train", "test", "test"]
    commit(store, HELD, ["accepted", "quarantined", "accepted"], phash=phash, split=split)
    commit(store, OTHER, ["quarantined"], (HELD,), phash=[SAME], split=["validation"])
    for batch, image in ((HELD, f"{HELD}-1"), (OTHER, f"{OTHER}-0")):
        decide(store, "release", image, batch=batch)
    snapshot, images = snapshot_of(store)
    assert images == {f"{HELD}-0", f"{HELD}-2"}
    assert snapshot.excluded == {"like an image in another split (released by a person all the same)": 2}


def test_released_row_is_compared_with_what_came_while_it_was_out(store: Store) -> None:
    """A batch ingested later never saw the held rows, and an earlier one never the rows whose rejection was undone."""
    commit(store, HELD, ["held", "held"], phash=[SAME, UNLIKE[1]])
    commit(store, OTHER, ["accepted"], (HELD,), phash=[SAME], split=["test"])
    decide(store, "release")
    assert snapshot_of(store)[1] == {f"{HELD}-1", f"{OTHER}-0"}

    third = "a.third.333333333333"
    rejected = decide(store, "reject", f"{OTHER}-0", batch=OTHER)
    commit(store, third, ["accepted"], (HELD, OTHER), phash=[SAME], split=["validation"])
    decide(store, "undo", batch=OTHER, undoes=rejected.decision.id)
    assert snapshot_of(store)[1] == {f"{HELD}-1", f"{third}-0"}


def test_released_row_is_not_compared_again_with_what_it_was_compared_with(store: Store) -> None:
    """Held rows were sound, so the batches that theirs was compared with when it came are passed over."""
    commit(store, OTHER, ["accepted"], phash=[SAME], split=["test"])
    commit(store, HELD, ["held"], (OTHER,), phash=[SAME])
    decide(store, "release")
    assert snapshot_of(store)[1] == {f"{HELD}-0", f"{OTHER}-0"}


def test_same_bytes_released_beside_a_corrected_copy(store: Store) -> None:
    """The copy that was accepted stays, with its finding; the one released later leaves."""
    commit(store, HELD, ["held"], image_id=["x"], label="normal")
    commit(store, OTHER, ["accepted"], image_id=["x"])
    decide(store, "release")
    snapshot, images = snapshot_of(store)
    assert images == {"x"}
    assert snapshot.counts["train"] == {"covid": 1, "normal": 0}


def test_new_images_are_compared_with_what_counts_now(store: Store) -> None:
    """Released images are known to the next ingest, rejected ones are not."""
    commit(store, HELD, ["held", "accepted"])
    decide(store, "release", f"{HELD}-0")
    decide(store, "reject", f"{HELD}-1")
    assert load_known(store.objects, ["image_id"]).rows["image_id"].tolist() == [f"{HELD}-0"]
    assert load_rows_now(store.objects, ["image_id"], statuses=("rejected",))["image_id"].tolist() == [f"{HELD}-1"]


def test_file_refused_once_more_by_a_later_revision_stays_released(store: Store) -> None:
    """A revision that reads the same file again and refuses it does not undo a person's release."""
    late = "a.held.000000000000"
    commit(store, HELD, ["quarantined", "accepted"])
    decide(store, "release", f"{HELD}-0")
    commit(store, late, ["quarantined"], image_id=[f"{HELD}-0"], key=["k0"], revision=1)
    assert snapshot_of(store)[1] == {f"{HELD}-0", f"{HELD}-1"}


def test_rejection_holds_for_the_batch_read_again(store: Store) -> None:
    """The image stays out of the new reading, which tells so, until the rejection of the old one is undone."""
    again = f"{HELD}-1"
    commit(store, HELD, ["accepted", "quarantined", "held"])
    rejected = decide(store, "reject", f"{HELD}-0", f"{HELD}-1").decision
    decide(store, "relabel", f"{HELD}-2", label="normal")
    decide(store, "release")
    commit(store, again, ["accepted"] * 3, image_id=[f"{HELD}-{place}" for place in range(3)])
    rows = load_rows_now(store.objects, ["image_id", "status", "label"])
    assert rows["status"].tolist() == ["rejected", "rejected", "accepted"]
    assert rows["label"].tolist() == ["covid", "covid", "normal"]
    assert count_statuses(store.objects) == {again: {"rejected": 2, "accepted": 1}}
    assert snapshot_of(store)[1] == {f"{HELD}-2"}

    undone = decide(store, "undo", undoes=rejected.id)
    assert (undone.changed, undone.accepted, undone.statuses) == (2, 2, {"accepted": 3})
    assert snapshot_of(store)[1] == {f"{HELD}-{place}" for place in range(3)}


def test_image_that_was_out_of_the_batch_read_again_is_compared_with_what_came_meanwhile(store: Store) -> None:
    """Its rejection was undone after another batch had come that holds it in another split."""
    commit(store, HELD, ["accepted"], phash=[SAME])
    rejected = decide(store, "reject", f"{HELD}-0").decision
    commit(store, f"{HELD}-1", ["accepted"], image_id=[f"{HELD}-0"], phash=[SAME])
    commit(store, OTHER, ["accepted"], (f"{HELD}-1",), phash=[SAME], split=["test"])
    decide(store, "undo", undoes=rejected.id)
    assert snapshot_of(store)[1] == {f"{OTHER}-0"}


def test_decisions_are_listed_once_for_all_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is decided on, and on however many readings, one listing finds it."""
    for name in (HELD, f"{HELD}-1", OTHER):
        commit(store, name, ["accepted"])
        decide(store, "reject", f"{name}-0", batch=name)
    listed: list[str] = []
    list_plainly = store.objects.list

    def list_and_note(_: object, prefix: str = "") -> Iterator[ObjectInfo]:
        listed.append(prefix)
        return list_plainly(prefix)

    monkeypatch.setattr(type(store.objects), "list", list_and_note)
    load_rows_now(store.objects, ["status"])
    assert [prefix for prefix in listed if prefix.startswith(PREFIX)] == [PREFIX]


def test_replayed_click_changes_nothing(store: Store) -> None:
    """The same form sent twice is one decision, also after an undo; a new form may decide the same again."""
    commit(store, HELD, ["held"])
    first = decide(store, "release", form="form 1")
    decide(store, "undo", undoes=first.decision.id)
    again = decide(store, "release", form="form 1")
    assert (again.new, again.decision.id) == (False, first.decision.id)
    assert count(store) == 2
    assert load_rows_now(store.objects, ["status"])["status"].tolist() == ["held"]
    assert decide(store, "release", form="form 2").accepted == 1


def test_same_command_again_is_one_decision(store: Store) -> None:
    """Without a token a decision that stands is not recorded twice, and one that was undone can be taken anew."""
    commit(store, HELD, ["held"])
    first = decide(store, "release")
    assert not decide(store, "release").new
    assert count(store) == 1
    decide(store, "undo", undoes=first.decision.id)
    assert decide(store, "release").accepted == 1


def test_stewards_at_once_lose_nothing(store: Store) -> None:
    """Eight threads write at once: every decision is on record, in one order for all, and the last one counts."""
    commit(store, HELD, ["held"])

    def steward(place: int) -> str:
        action = "release" if place % 2 else "reject"
        return decide(store, action, who=f"steward {place % 8}", why=f"decision {place}").decision.id

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(steward, range(40)))
    decisions = load_decisions(store.objects)[HELD]
    assert sorted(made) == sorted(one.id for one in decisions)
    assert len(set(made)) == 40
    last = max(decisions, key=lambda one: (one.when, one.id))
    expected = "accepted" if last.action == "release" else "rejected"
    assert load_rows_now(store.objects, ["status"])["status"].tolist() == [expected]


def test_one_click_from_eight_threads_is_one_decision(store: Store) -> None:
    """A form that is sent eight times at once counts once, and one undo takes it back."""
    commit(store, HELD, ["held"])
    with ThreadPoolExecutor(8) as pool:
        made = {one.decision.id for one in pool.map(lambda _: decide(store, "release", form="form"), range(8))}
    assert len(made) == len(load_decisions(store.objects)[HELD]) == 1
    decide(store, "undo", undoes=made.pop())
    assert load_rows_now(store.objects, ["status"])["status"].tolist() == ["held"]


def test_what_is_refused_is_not_recorded(store: Store) -> None:
    """An unknown batch, image or decision, an undo of what is undone, and a batch read again: each is said."""
    commit(store, HELD, ["held", "quarantined"], duplicate_kind=[None, "exact"])
    with pytest.raises(InvalidInput, match="no batch"):
        decide(store, "release", batch="a.nothing.1")
    with pytest.raises(InvalidInput, match="no image y"):
        decide(store, "release", "y")
    with pytest.raises(InvalidInput, match="never be released"):
        decide(store, "release", f"{HELD}-1")
    with pytest.raises(InvalidInput, match="no decision"):
        decide(store, "undo", undoes="0" * 16)
    assert count(store) == 0
    first = decide(store, "release").decision.id
    back = decide(store, "undo", undoes=first).decision.id
    with pytest.raises(InvalidInput, match=f"undo {back}"):
        decide(store, "undo", undoes=first, why="once more")
    commit(store, f"{HELD}-1", ["held"])
    with pytest.raises(InvalidInput, match=f"decide on {HELD}-1"):
        decide(store, "release", why="too late")
    assert count(store) == 2


@pytest.mark.parametrize("forged", [b"", b"{}", b"moved"])
def test_what_is_no_decision_stops_the_snapshot(store: Store, forged: bytes) -> None:
    """An object that is no decision, or lies where another batch's would, is named and never passed over."""
    commit(store, HELD, ["held"])
    commit(store, OTHER, ["accepted"])
    recorded = decide(store, "release").decision
    data = recorded.model_dump_json().encode() if forged == b"moved" else forged
    key = f"{PREFIX}{OTHER}/20260501T000000000000Z-{recorded.id}.json"
    store.objects.put(key, data)
    with pytest.raises(InvalidInput, match="is no decision as this pipeline records them"):
        snapshot_of(store)
