"""Bounds on record: nothing is lost, nothing counts twice, and nobody accepts what he was not shown."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from storage.bounds import (
    PREFIX,
    accept_bounds,
    change_key,
    load_bounds,
    load_changes,
    propose,
    reset_bounds,
)
from storage.catalog import commit_batch
from storage.decisions import record_decision
from storage.objects import Objects
from xray_model.data.bounds import DEFAULTS
from xray_model.data.decisions import propose as propose_decision
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus

FIRST = "a.first.111111111111"
BY = {"who": "ada", "why": "seen"}


def commit(
    objects: Objects, batch_id: str = FIRST, *, status: str = "accepted", count: int = 300, **figures: float
) -> None:
    """Commit a batch of images that look alike."""
    sound = {"std": 55.0, "mean": 130.0, "entropy": 7.3, "inversion": -9.0, "border": 0.0, "saturated": 0.0}
    frame = {
        "image_id": [f"{batch_id}-{place}" for place in range(count)],
        "batch_id": batch_id,
        "source": batch_id.split(".", maxsplit=1)[0],
        "key": [f"k{place}" for place in range(count)],
        "revision": 0,
        "patient_id": [f"p{place}" for place in range(count)],
        "split": "train",
        "shard": 0,
        "row": np.arange(count),
        "status": status,
        "aspect": 1.1,
    }
    outcome = BatchOutcome(batch_id=batch_id, source="a", name="x", status=BatchStatus.ACCEPTED)
    commit_batch(objects, pd.DataFrame(frame | sound | figures), outcome)


def accept(objects: Objects, *codes: str, **more: str) -> bool:
    """Accept what is proposed now; whether that wrote anything."""
    return accept_bounds(objects, codes, propose(objects).id, **BY | more).new


def test_accepted_bound_is_in_force(objects: Objects) -> None:
    """What was accepted is judged by from then on, and is on record with who, why and what was shown."""
    commit(objects)
    shown = propose(objects)
    row = next(row for row in shown.rows if row.today.code == "blank")
    recorded = accept_bounds(objects, ["blank"], shown.id, **BY)
    found = load_bounds(objects)
    assert recorded.new
    assert (found.bounds["blank"], found.id) == (row.proposed, recorded.change.id)
    assert {code: bound for code, bound in found.bounds.items() if bound != DEFAULTS[code]} == {"blank": row.proposed}
    assert [(one.who, one.why, one.shown) for one in load_changes(objects)] == [("ada", "seen", shown.id)]


def test_accepting_twice_is_once(objects: Objects) -> None:
    """The same click, or the same words while they count, write nothing the second time."""
    commit(objects)
    shown = propose(objects).id
    for token, codes in (("form", ["blank"]), ("form", ["blank"]), (None, ["blank"]), (None, ["too-dark"])):
        if codes == ["too-dark"]:
            shown = propose(objects).id
        accept_bounds(objects, codes, shown, token=token, **BY)
    assert [one.codes for one in load_changes(objects)] == [("blank",), ("too-dark",)]


def test_accepting_again_after_a_reset_is_new(objects: Objects) -> None:
    """What was put back can be accepted again with the same words, and put back again."""
    commit(objects)
    for _ in range(2):
        assert accept(objects, "blank")
        assert load_bounds(objects).bounds["blank"] != DEFAULTS["blank"]
        assert reset_bounds(objects, ["blank"], **BY).new
        assert load_bounds(objects).bounds == DEFAULTS
    assert not reset_bounds(objects, ["blank"], **BY).new
    assert len(load_changes(objects)) == 4


def test_other_bounds_than_were_shown_are_not_accepted(objects: Objects) -> None:
    """Where images came in between, or a colleague changed a bound, the steward must look again."""
    commit(objects)
    shown = propose(objects).id
    commit(objects, "b.second.222222222222", std=30.0)
    with pytest.raises(InvalidInput, match="Look at `xray expectations propose` again"):
        accept_bounds(objects, ["blank"], shown, **BY)
    assert load_changes(objects) == []
    seen = propose(objects).id
    assert accept(objects, "too-dark", who="bob")
    with pytest.raises(InvalidInput, match="other bounds are proposed now"):
        accept_bounds(objects, ["blank"], seen, **BY)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (["age-range"], "there is no bound age-range"),
        ([], "codes"),
        (["odd-shape", "blank"], "nothing is proposed for blank"),
    ],
)
def test_what_is_not_proposed_is_not_accepted(objects: Objects, codes: list[str], message: str) -> None:
    """A rule without a bound or a proposal is named, and nothing is written."""
    commit(objects, std=12.0)
    with pytest.raises(InvalidInput, match=message):
        accept(objects, *codes)
    with pytest.raises(InvalidInput, match="stands where the pipeline starts"):
        reset_bounds(objects, ["blank"], **BY)
    assert load_changes(objects) == []


def test_two_stewards_at_once_lose_nothing(objects: Objects) -> None:
    """Every change made at once is on record, and every reader sees the same bounds."""
    commit(objects)
    shown = propose(objects).id
    accepted = ("blank", "too-dark", "too-bright", "too-few-grays")

    def one(place: int) -> bool:
        try:
            return accept_bounds(objects, [accepted[place % 4]], shown, who=f"steward {place}", why="seen").new
        except InvalidInput:
            return False  # another was first, so that he was shown other bounds

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(one, range(8)))
    changes = load_changes(objects)
    assert done == len(changes) >= 1
    changed = {code for code, bound in load_bounds(objects).bounds.items() if bound != DEFAULTS[code]}
    assert changed == {code for change in changes for code in change.codes}


def test_proposals_follow_decisions(objects: Objects) -> None:
    """A released image is evidence for a wider bound, a rejected one for none."""
    commit(objects)
    commit(objects, "a.second.222222222222", status="quarantined", count=20, aspect=2.9)
    row = next(row for row in propose(objects).rows if row.today.code == "odd-shape")
    assert (row.refused, row.refused_outside) == (20, (20, 20))
    names = [f"a.second.222222222222-{place}" for place in range(20)]
    fields = {"batch_id": "a.second.222222222222", "image_ids": names, **BY}
    record_decision(objects, propose_decision(action="release", **fields))
    row = next(row for row in propose(objects).rows if row.today.code == "odd-shape")
    assert (row.proposed.high, row.accepted_outside, row.refused) == (2.9, (20, 0), 0)
    assert "20 accepted images lie above 2.5: released by a person" in row.why
    record_decision(objects, propose_decision(action="reject", **fields))
    row = next(row for row in propose(objects).rows if row.today.code == "odd-shape")
    assert (row.accepted, row.refused, row.accepted_outside[0]) == (300, 0, 0)


@pytest.mark.parametrize("damage", [b"{}", b"not JSON", b"moved"])
def test_damaged_change_is_named(objects: Objects, damage: bytes) -> None:
    """An object that is no change stops every reader with its key; the first bounds are never silently in force."""
    commit(objects)
    assert accept(objects, "blank")
    key = change_key(load_changes(objects)[0])
    other = f"{PREFIX}20260101T000000000000Z-0123456789abcdef.json"
    objects.put(other, objects.get(key) if damage == b"moved" else damage)
    for reader in (load_bounds, load_changes, propose):
        with pytest.raises(InvalidInput, match=other):
            reader(objects)
