"""What is on a steward's desk."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.decisions import record_decision
from storage.desk import Desk, Review, count_reasons, read_review
from storage.distributions import Spread
from storage.store import Store
from tests.apps.console.filling import fill, image_id
from xray_model.data.decisions import MONITOR, propose
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.outcomes import BatchStatus


def decide(store: Store, batch_id: str, action: str, *images: str, **more: str) -> str:
    """Record a decision; gives its id."""
    fields = {"who": "ada", "why": "seen"} | more
    proposal = propose(batch_id=batch_id, action=action, image_ids=images, **fields)
    return record_decision(store.objects, proposal).decision.id


def test_a_desk_sees_each_decision_at_once(store: Store) -> None:
    """What another process decided counts on the next look, and undo restores what was."""
    batch_id = fill(store, "b", ["held", "held", "quarantined"])
    desk = Desk(store.objects)
    before = desk.review(batch_id)
    assert before.statuses == {"held": 2, "quarantined": 1}
    first = decide(store, batch_id, "release", image_id("b", 2))
    decide(store, batch_id, "relabel", image_id("b", 0), label="covid")
    after = desk.review(batch_id)
    assert after.statuses == {"held": 2, "accepted": 1}
    assert after.find(image_id("b", 0))[["recorded", "label"]].tolist() == ["normal", "covid"]
    assert desk.list_batches()[0].statuses == after.statuses
    decide(store, batch_id, "undo", undoes=first)
    assert desk.review(batch_id).statuses == before.statuses
    assert [one.batch_id for one in desk.list_decisions()] == [batch_id] * 3


def test_a_batch_held_for_drift_says_why(store: Store) -> None:
    """It is listed and shown as held, with the reasons of the hold, until that is taken back."""
    batch_id = fill(store, "b", ["accepted", "quarantined"])
    desk = Desk(store.objects)
    before = desk.review(batch_id).outcome
    hold = decide(store, batch_id, "hold", who=MONITOR, why="The images are darker.")
    (summary,) = desk.list_batches()
    assert summary.held == 1
    for outcome in (summary.outcome, desk.review(batch_id).outcome):
        assert (outcome.status, outcome.reasons[-1]) == (BatchStatus.HELD, "The images are darker.")
    decide(store, batch_id, "undo", undoes=hold)
    assert desk.review(batch_id).outcome == before


def test_nothing_is_read_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look at the same batches lists them, and reads no object."""
    batch_id = fill(store, "b", ["held", "accepted"])
    decide(store, fill(store, "c", ["held"]), "reject")
    desk = Desk(store.objects)

    def look() -> tuple[object, ...]:
        return desk.list_batches(), desk.review(batch_id).statuses, desk.spread_accepted(without="none").labels

    seen = look()
    asked: list[str] = []
    for name in ("get", "get_range"):
        monkeypatch.setattr(type(store.objects), name, lambda _, key, *__: asked.append(key))

    def get_many(_: object, keys: Iterable[str]) -> list[tuple[str, bytes]]:
        asked.extend(keys)
        return []

    monkeypatch.setattr(type(store.objects), "get_many", get_many)
    assert look() == seen
    assert asked == []


def test_reasons_are_counted_among_the_chosen_images(store: Store) -> None:
    """Each reason of each image counts, the most common first; sound images that wait have one of their own."""
    batch_id = fill(store, "b", ["quarantined", "quarantined", "quarantined", "held", "accepted"])
    review = Desk(store.objects).review(batch_id)
    assert count_reasons(review, review.rows) == [
        ("looks inverted", 2),
        ("is a lateral view", 1),
        ("Sound, waits with its batch", 1),
    ]
    assert count_reasons(review, review.rows.iloc[:1]) == [("looks inverted", 1)]


def test_accepted_images_of_other_batches_are_compared(store: Store) -> None:
    """What counts as accepted now is counted, the batch itself left out."""
    own = fill(store, "own", ["accepted"] * 5)
    other = fill(store, "other", ["accepted", "accepted", "held", "quarantined"])
    desk = Desk(store.objects)
    assert desk.spread_accepted(without=own).labels.total() == 2
    decide(store, other, "release")
    spread = desk.spread_accepted(without=own)
    assert (spread.labels.total(), int(spread.figures[0].sum())) == (3, 3)
    assert desk.spread_accepted(without=other).labels == Spread.of(desk.review(own).rows).labels


def test_only_a_current_batch_and_its_own_images_are_shown(store: Store) -> None:
    """Another id is not found, whatever it looks like; so is an image of another batch."""
    batch_id = fill(store, "b", ["held"])
    other = fill(store, "c", ["held"])
    desk = Desk(store.objects)
    for name in ("", "b", "../catalog/x", f"{batch_id}/", other[:-1]):
        with pytest.raises(ObjectNotFound):
            desk.review(name)
    with pytest.raises(ObjectNotFound):
        desk.review(batch_id).find(image_id("c", 0))


def test_a_batch_read_again_says_where_it_is_now(store: Store) -> None:
    """The reading that no longer counts names the one that does, where a rejection of an image still holds."""
    first = fill(store, "b", ["held", "held"])
    desk = Desk(store.objects)
    rejection = decide(store, first, "reject", image_id("b", 1))
    again = fill(store, "b", ["held", "held"], batch=f"{first}-1")
    with pytest.raises(InvalidInput, match=again):
        desk.review(first)
    assert desk.review(again).statuses == desk.list_batches()[0].statuses == {"held": 1, "rejected": 1}
    decide(store, first, "undo", undoes=rejection)
    assert desk.review(again).statuses == {"held": 2}


def test_one_click_at_once_is_one_object(store: Store) -> None:
    """A form that is sent eight times at the same moment leaves one object, and is told of as new once."""
    proposal = propose(batch_id=fill(store, "b", ["held"]), action="release", who="ada", why="seen")
    desk = Desk(store.objects)
    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(lambda _: desk.record(proposal, "form"), range(8)))
    assert sum(one.new for one in recorded) == 1
    assert len({one.decision.id for one in recorded}) == 1
    assert len(list(store.objects.list("decisions/"))) == 1


def test_a_batch_that_many_ask_for_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks while it is read waits for it; a decision makes it read once more."""
    batch_id = fill(store, "b", ["held"] * 3)
    reads: list[int] = []

    def slow_review(*arguments: object) -> Review:
        reads.append(1)
        time.sleep(0.2)
        return read_review(*arguments)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr("storage.desk.read_review", slow_review)
    desk = Desk(store.objects)
    for times in (1, 2):
        with ThreadPoolExecutor(8) as pool:
            reviews = list(pool.map(lambda _: desk.review(batch_id), range(8)))
        assert len({id(review) for review in reviews}) == 1
        assert len(reads) == times
        decide(store, batch_id, "release")


def test_what_is_kept_in_memory_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many batches and decisions there are, few are kept, and all of them count."""
    monkeypatch.setattr("storage.desk._MOST_ROWS", 25)
    monkeypatch.setattr("storage.desk._MOST_NAMED", 12)
    batches = [fill(store, f"b{place}", ["held"] * 9) for place in range(8)]
    for place, batch_id in enumerate(batches):
        decide(store, batch_id, "reject", *(image_id(f"b{place}", image) for image in range(3)))
    desk = Desk(store.objects)
    for _ in range(2):
        assert [desk.review(batch_id).statuses for batch_id in batches] == [{"held": 6, "rejected": 3}] * 8
        assert len(desk.list_decisions()) == 8
    assert sum(map(len, desk._reviews.values())) <= 25
    assert sum(len(one.image_ids) for one in desk._decisions.values()) <= 12
