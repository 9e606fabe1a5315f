"""Holds, by which a batch waits for a person, and what holds for a batch that is read again."""

import pandas as pd
import pytest
from hypothesis import given

from tests.xray_model.data.deciding import BATCHES, decide, histories, rows_of, statuses_after
from xray_model.data.decisions import MONITOR, Decision, fold_decisions, propose, refuse_hold


@given(BATCHES, histories())
def test_hold_takes_nothing_in_or_out(statuses: list[str], history: list[Decision]) -> None:
    """A hold makes accepted rows wait, and changes nothing else of any row."""
    before = fold_decisions(rows_of(statuses), history)
    after = fold_decisions(rows_of(statuses), [*history, decide("hold", at=100)])
    for was, now in zip(before["status"], after["status"], strict=True):
        assert now == was or (was, now) == ("accepted", "held")
    pd.testing.assert_frame_equal(after[["label", "decided"]], before[["label", "decided"]])


def test_hold_ends_by_a_release_or_an_undo() -> None:
    """The accepted rows of a held batch wait; a release takes them in again, and so does its undo."""
    hold = decide("hold", at=1)
    statuses = ["accepted", "held", "quarantined"]
    assert statuses_after(statuses, hold) == ["held", "held", "quarantined"]
    assert statuses_after(statuses, hold, decide("release", at=2)) == ["accepted", "accepted", "quarantined"]
    assert statuses_after(statuses, hold, decide("release", 0, at=2)) == ["accepted", "held", "quarantined"]
    assert statuses_after(statuses, hold, decide("reject", at=2)) == ["rejected", "rejected", "quarantined"]
    assert statuses_after(statuses, hold, decide("undo", at=2, undoes=hold.id)) == statuses


@given(BATCHES, histories())
def test_a_hold_never_outweighs_a_person(statuses: list[str], history: list[Decision]) -> None:
    """Recorded after what persons decided or before it, it comes to the same: their word on a batch stands."""
    late, early = (fold_decisions(rows_of(statuses), [*history, decide("hold", at=at)]) for at in (100, -100))
    counting = ["status", "label", "decided"]
    pd.testing.assert_frame_equal(late[counting], early[counting])
    release = decide("release", at=50)
    assert statuses_after(["accepted", "held"], release, decide("hold", at=51)) == ["accepted", "accepted"]


def test_a_reading_is_held_once() -> None:
    """Two monitors with other reasons and tokens name one hold; a hold of another reading is another."""
    first, second, other = (
        propose(batch_id=batch, action="hold", who=MONITOR, why=why).identify(why)
        for batch, why in (("b", "darker"), ("b", "brighter"), ("c", "darker"))
    )
    assert first == second != other


def test_what_a_person_let_in_is_not_held() -> None:
    """Neither a batch that was released, nor one that is or was held; one that had an image released may be."""
    hold, release = decide("hold", at=1), decide("release", at=1)
    back = decide("undo", at=2, undoes=release.id)
    assert refuse_hold([]) is None
    assert refuse_hold([decide("reject", 0), decide("release", 1), decide("relabel", label="normal")]) is None
    assert "ada looked at it" in str(refuse_hold([release]))
    assert refuse_hold([release, back]) is None
    assert "was held for drift before" in str(refuse_hold([hold]))
    assert "took that back" in str(refuse_hold([hold, decide("undo", at=2, undoes=hold.id)]))


@pytest.mark.parametrize(
    ("elsewhere", "here", "expected"),
    [
        ([("reject", 0)], [], "rejected accepted held"),
        ([("reject", 2)], [("release",)], "accepted accepted rejected"),
        ([("reject", 0), ("undo", "reject")], [], "accepted accepted held"),
        ([("reject", 0), ("undo", "reject"), ("undo", "undo")], [], "rejected accepted held"),
        ([("reject",)], [], "accepted accepted held"),
        ([("release", 2)], [], "accepted accepted held"),
        ([("release",)], [], "accepted accepted held"),
        ([("reject", 0, 1), ("release", 1)], [], "rejected accepted held"),
        ([("reject", 0), ("release", 0), ("undo", "release")], [], "rejected accepted held"),
        ([("release", 0), ("reject", 0)], [], "rejected accepted held"),
        ([("reject", 0)], [("release", 0)], "accepted accepted held"),
        ([("release", 0)], [("reject",)], "rejected rejected rejected"),
        ([("hold",)], [], "accepted accepted held"),
        ([("reject", 0), ("hold",)], [("hold",)], "rejected held held"),
    ],
)
def test_what_holds_for_another_reading_of_the_batch(
    elsewhere: list[tuple[object, ...]], here: list[tuple[object, ...]], expected: str
) -> None:
    """A rejection by name does, until it is undone or the image is released after it; nothing else does."""
    made: list[list[Decision]] = [[], []]
    for place, (action, *about) in enumerate([*elsewhere, *here]):
        some = made[place >= len(elsewhere)]
        if action == "undo":
            some.append(
                decide("undo", at=place, undoes=next(one.id for one in reversed(some) if one.action == about[0]))
            )
        else:
            some.append(decide(str(action), *about, at=place))  # type: ignore[arg-type]
    rows = rows_of(["accepted", "accepted", "held"])
    assert fold_decisions(rows, made[1], made[0])["status"].tolist() == expected.split()


def test_a_finding_given_to_an_image_holds_for_another_reading() -> None:
    """One that was given by name does, and one that was given to the whole batch does not."""
    named, whole = decide("relabel", 1, label="normal"), decide("relabel", at=1, label="pneumonia")
    after = fold_decisions(rows_of(["accepted", "accepted"]), [], [named, whole])
    assert after["label"].tolist() == ["covid", "normal"]
    assert after["decision"].tolist() == [None, named.id]


def test_image_that_was_out_of_another_reading_is_known_to_have_been() -> None:
    """An undone rejection leaves its time, so that the image is compared with what came meanwhile."""
    rejected = decide("reject", 0, at=5)
    after = fold_decisions(rows_of(["accepted", "accepted"]), [], [rejected, decide("undo", at=6, undoes=rejected.id)])
    assert after["decided"].notna().tolist() == [True, False]


@given(BATCHES, histories())
def test_other_readings_never_accept_an_image(statuses: list[str], history: list[Decision]) -> None:
    """What was decided elsewhere takes images out of this reading, and lets none in."""
    after = fold_decisions(rows_of(statuses), [], history)["status"]
    assert all(now in {was, "rejected"} for was, now in zip(statuses, after, strict=True))
