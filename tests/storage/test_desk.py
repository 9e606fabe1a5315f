"""What is on a steward's desk."""

from collections.abc import Iterable

import pytest

from storage.decisions import record_decision
from storage.desk import Desk, count_reasons
from storage.distributions import Spread
from storage.store import Store
from tests.apps.console.filling import fill, image_id
from xray_model.data.decisions import propose
from xray_model.errors import InvalidInput, ObjectNotFound


def decide(store: Store, batch_id: str, action: str, *images: str, **more: str) -> str:
    """Record a decision; gives its id."""
    proposal = propose(batch_id=batch_id, action=action, image_ids=images, who="ada", why="seen", **more)
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
