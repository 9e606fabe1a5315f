"""Decisions on record: nothing is lost, nothing counts twice, and what is no decision is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.decisions import PREFIX, load_decisions, load_rows_now
from storage.objects import ObjectInfo, Objects
from tests.storage.deciding import HELD, OTHER, commit, count, decide, snapshot_of
from xray_model.errors import InvalidInput


def test_decisions_are_listed_once_for_all_batches(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is decided on, and on however many readings, one listing finds it."""
    for name in (HELD, f"{HELD}-1", OTHER):
        commit(objects, name, ["accepted"])
        decide(objects, "reject", f"{name}-0", batch=name)
    listed: list[str] = []
    list_plainly = objects.list

    def list_and_note(_: object, prefix: str = "") -> Iterator[ObjectInfo]:
        listed.append(prefix)
        return list_plainly(prefix)

    monkeypatch.setattr(type(objects), "list", list_and_note)
    load_rows_now(objects, ["status"])
    assert [prefix for prefix in listed if prefix.startswith(PREFIX)] == [PREFIX]


def test_replayed_click_changes_nothing(objects: Objects) -> None:
    """The same form sent twice is one decision, also after an undo; a new form may decide the same again."""
    commit(objects, HELD, ["held"])
    first = decide(objects, "release", form="form 1")
    decide(objects, "undo", undoes=first.decision.id)
    again = decide(objects, "release", form="form 1")
    assert (again.new, again.decision.id) == (False, first.decision.id)
    assert count(objects) == 2
    assert load_rows_now(objects, ["status"])["status"].tolist() == ["held"]
    assert decide(objects, "release", form="form 2").accepted == 1


def test_same_command_again_is_one_decision(objects: Objects) -> None:
    """Without a token a decision that stands is not recorded twice, and one that was undone can be taken anew."""
    commit(objects, HELD, ["held"])
    first = decide(objects, "release")
    assert not decide(objects, "release").new
    assert count(objects) == 1
    decide(objects, "undo", undoes=first.decision.id)
    assert decide(objects, "release").accepted == 1


def test_stewards_at_once_lose_nothing(objects: Objects) -> None:
    """Eight threads write at once: every decision is on record, in one order for all, and the last one counts."""
    commit(objects, HELD, ["held"])

    def steward(place: int) -> str:
        action = "release" if place % 2 else "reject"
        return decide(objects, action, who=f"steward {place % 8}", why=f"decision {place}").decision.id

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(steward, range(40)))
    decisions = load_decisions(objects)[HELD]
    assert sorted(made) == sorted(one.id for one in decisions)
    assert len(set(made)) == 40
    last = max(decisions, key=lambda one: (one.when, one.id))
    expected = "accepted" if last.action == "release" else "rejected"
    assert load_rows_now(objects, ["status"])["status"].tolist() == [expected]


def test_one_click_from_eight_threads_is_one_decision(objects: Objects) -> None:
    """A form that is sent eight times at once counts once, and one undo takes it back."""
    commit(objects, HELD, ["held"])
    with ThreadPoolExecutor(8) as pool:
        made = {one.decision.id for one in pool.map(lambda _: decide(objects, "release", form="form"), range(8))}
    assert len(made) == len(load_decisions(objects)[HELD]) == 1
    decide(objects, "undo", undoes=made.pop())
    assert load_rows_now(objects, ["status"])["status"].tolist() == ["held"]


def test_what_is_refused_is_not_recorded(objects: Objects) -> None:
    """An unknown batch, image or decision, an undo of what is undone, and a batch read again: each is said."""
    commit(objects, HELD, ["held", "quarantined"], duplicate_kind=[None, "exact"])
    with pytest.raises(InvalidInput, match="no batch"):
        decide(objects, "release", batch="a.nothing.1")
    with pytest.raises(InvalidInput, match="no image y"):
        decide(objects, "release", "y")
    with pytest.raises(InvalidInput, match="never be released"):
        decide(objects, "release", f"{HELD}-1")
    with pytest.raises(InvalidInput, match="no decision"):
        decide(objects, "undo", undoes="0" * 16)
    assert count(objects) == 0
    first = decide(objects, "release").decision.id
    back = decide(objects, "undo", undoes=first).decision.id
    with pytest.raises(InvalidInput, match=f"undo {back}"):
        decide(objects, "undo", undoes=first, why="once more")
    commit(objects, f"{HELD}-1", ["held"])
    with pytest.raises(InvalidInput, match=f"decide on {HELD}-1"):
        decide(objects, "release", why="too late")
    assert count(objects) == 2


@pytest.mark.parametrize("forged", [b"", b"{}", b"moved"])
def test_what_is_no_decision_stops_the_snapshot(objects: Objects, forged: bytes) -> None:
    """An object that is no decision, or lies where another batch's would, is named and never passed over."""
    commit(objects, HELD, ["held"])
    commit(objects, OTHER, ["accepted"])
    recorded = decide(objects, "release").decision
    data = recorded.model_dump_json().encode() if forged == b"moved" else forged
    key = f"{PREFIX}{OTHER}/20260501T000000000000Z-{recorded.id}.json"
    objects.put(key, data)
    with pytest.raises(InvalidInput, match="is no decision as this pipeline records them"):
        snapshot_of(objects)
