"""Decisions: what they may say, and what they make of rows."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data.decisions import (
    MONITOR,
    Action,
    Decision,
    fold_decisions,
    in_order,
    propose,
    refuse_hold,
    refuse_release,
    standing_decisions,
)
from xray_model.errors import InvalidInput

START = datetime(2026, 5, 1, tzinfo=UTC)
IMAGES = [f"image-{place}" for place in range(6)]


def rows_of(statuses: list[str]) -> pd.DataFrame:
    """A batch with an image of each status, all of which could be released."""
    sound = {"patient_id": "p", "split": "train", "shard": 0, "unreadable": None, "duplicate_kind": None}
    return pd.DataFrame({"image_id": IMAGES[: len(statuses)], "status": statuses, "label": "covid", **sound})


def decide(action: str, *images: int, at: int = 0, **more: str) -> Decision:
    """A decision on these images, or on the whole batch."""
    who = MONITOR if action == "hold" else "ada"
    proposal = propose(
        batch_id="b", action=action, image_ids=[IMAGES[place] for place in images], who=who, why="seen", **more
    )
    name = (
        f"{at % 16**16:016x}" if action == "hold" else proposal.identify(str(at))
    )  # so that a history can hold several
    return Decision(**proposal.model_dump(), id=name, when=START + timedelta(seconds=at))


def statuses_after(statuses: list[str], *decisions: Decision) -> list[str]:
    """What the decisions make of a batch."""
    return fold_decisions(rows_of(statuses), decisions)["status"].tolist()


@st.composite
def histories(draw: st.DrawFn) -> list[Decision]:
    """Decisions of all kinds at distinct or equal times; an undo is later than what it undoes."""
    made: list[Decision] = []
    for at in range(draw(st.integers(1, 8))):
        first = ["release", "reject", "hold"]
        action = draw(st.sampled_from([*first, "relabel", "undo"] if made else first))
        images = draw(st.lists(st.integers(0, 5), max_size=3)) if action not in {"undo", "hold"} else []
        more = {"label": draw(st.sampled_from(["normal", "pneumonia"]))} if action == "relabel" else {}
        more |= {"undoes": draw(st.sampled_from(made)).id} if action == "undo" else {}
        made.append(decide(action, *images, at=at, **more))
    return made


BATCHES = st.lists(st.sampled_from(["held", "quarantined", "accepted"]), min_size=6, max_size=6)


@given(BATCHES, histories(), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(statuses: list[str], history: list[Decision], chance: "object") -> None:
    """Decisions give the same rows in whatever order they are read, and however often each is."""
    once = fold_decisions(rows_of(statuses), history)
    shuffled = [*history, *history]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(fold_decisions(rows_of(statuses), shuffled), once)


@given(BATCHES, histories(), st.sampled_from(["release", "reject", "hold"]), st.lists(st.integers(0, 5), max_size=3))
def test_undo_restores_exactly(statuses: list[str], history: list[Decision], action: str, images: list[int]) -> None:
    """A decision and its undo leave the rows as they were; the undo's own undo brings the decision back."""
    counting = ["status", "label", "decision"]
    before = fold_decisions(rows_of(statuses), history)[counting]
    decision = decide(action, *(images if action != "hold" else ()), at=100)
    back = decide("undo", at=101, undoes=decision.id)
    again = decide("undo", at=102, undoes=back.id)
    pd.testing.assert_frame_equal(fold_decisions(rows_of(statuses), [*history, decision, back])[counting], before)
    pd.testing.assert_frame_equal(
        fold_decisions(rows_of(statuses), [*history, decision, back, again])[counting],
        fold_decisions(rows_of(statuses), [*history, decision])[counting],
    )


@given(BATCHES, histories())
def test_nothing_is_accepted_that_nobody_released(statuses: list[str], history: list[Decision]) -> None:
    """An accepted row was accepted by the suites or stands under a release, and quarantine ends by name alone."""
    standing = standing_decisions(history)
    named = {image for one in standing.values() for image in one.image_ids}
    released = {image for one in standing.values() if one.action is Action.RELEASE for image in one.image_ids}
    after = fold_decisions(rows_of(statuses), history)
    for image, before, status in zip(IMAGES, statuses, after["status"], strict=True):
        if before == "quarantined" and status != "quarantined":
            assert image in (released if status == "accepted" else named)
        if before == "held" and status == "accepted":
            assert any(one.action is Action.RELEASE for one in standing.values())


def test_release_of_a_batch_leaves_quarantine_alone() -> None:
    """The held rows of a released batch are accepted; a quarantined one must be named."""
    assert statuses_after(["held", "quarantined"], decide("release")) == ["accepted", "quarantined"]
    assert statuses_after(["held", "quarantined"], decide("release", 1)) == ["held", "accepted"]


def test_rejecting_a_quarantined_image_by_name_takes_it_off_the_list() -> None:
    """A person said that it stays out, so nobody needs to look again; rejecting the batch says nothing about it."""
    assert statuses_after(["held", "quarantined"], decide("reject")) == ["rejected", "quarantined"]
    assert statuses_after(["held", "quarantined"], decide("reject", 1)) == ["held", "rejected"]


def test_named_image_outweighs_the_batch_in_both_orders() -> None:
    """One image released and the rest rejected is the same whichever was decided first."""
    for one, rest in ((0, 1), (1, 0)):
        decisions = decide("release", 0, at=one), decide("reject", at=rest)
        assert statuses_after(["held", "held"], *decisions) == ["accepted", "rejected"]


def test_later_of_two_counts() -> None:
    """Two stewards who decide otherwise about one batch: the later decision counts."""
    assert statuses_after(["held"], decide("release", at=1), decide("reject", at=2)) == ["rejected"]
    assert statuses_after(["held"], decide("reject", at=1), decide("release", at=2)) == ["accepted"]


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


def test_relabel_changes_the_finding_and_nothing_else() -> None:
    """A relabelled row has the new finding, its old status, and the id of the decision."""
    decision = decide("relabel", 1, label="normal")
    after = fold_decisions(rows_of(["held", "quarantined"]), [decision])
    assert after["label"].tolist() == ["covid", "normal"]
    assert after["status"].tolist() == ["held", "quarantined"]
    assert after["decision"].tolist() == [None, decision.id]
    assert after["decided"].isna().all()


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("shard", None, "cannot be read"),
        ("unreadable", "is cut short", "cannot be read"),
        ("patient_id", None, "on which side"),
        ("split", None, "on which side"),
        ("duplicate_kind", "exact", "same file"),
        ("duplicate_kind", "contradiction", "same file"),
    ],
)
def test_what_can_never_be_released(column: str, value: str | None, why: str) -> None:
    """It is refused when it is decided, and would stay out even if it were on record."""
    rows = rows_of(["quarantined", "quarantined"]).astype(object)
    rows.loc[0, column] = value
    assert why in str(refuse_release(rows, IMAGES[:2]))
    assert refuse_release(rows, IMAGES[1:2]) is None
    assert fold_decisions(rows, [decide("release", 0, 1)])["status"].tolist() == ["quarantined", "accepted"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"why": "  \n "}, "blank"),
        ({"who": ""}, "blank"),
        ({"why": "x" * 2001}, "2000"),
        ({"why": "red \x1b[31m"}, "control"),
        ({"why": "turned \u202e round"}, "control"),
        ({"label": "covid"}, "relabel"),
        ({"action": "relabel"}, "relabel"),
        ({"action": "relabel", "label": "fracture"}, "none of the findings"),
        ({"action": "undo"}, "undo"),
        ({"undoes": "0" * 16}, "undo"),
        ({"action": "undo", "undoes": "0" * 16, "image_ids": ["a"]}, "name no image"),
        ({"action": "forget"}, "action"),
        ({"action": "hold"}, "monitor alone"),
        ({"action": "hold", "who": MONITOR, "image_ids": ["a"]}, "as a whole"),
    ],
)
def test_what_is_no_decision(fields: dict[str, object], message: str) -> None:
    """A decision without a reason, or of parts that do not fit together, is refused with what is wrong."""
    with pytest.raises(InvalidInput, match=message):
        propose(**{"batch_id": "b", "action": "release", "who": "ada", "why": "seen"} | fields)


def test_one_decision_recorded_twice_is_one() -> None:
    """Of two records with one id the first counts."""
    first = decide("reject", at=1)
    assert in_order([first.model_copy(update={"when": START + timedelta(days=1)}), first]) == [first]


def test_long_chain_of_undos() -> None:
    """Thousands of undos of undos are folded without running out of stack."""
    history = [decide("reject")]
    for at in range(1, 3000):
        history.append(decide("undo", at=at, undoes=history[-1].id))
    assert statuses_after(["held"], *history) == ["held"]
    assert statuses_after(["held"], *history[:-1]) == ["rejected"]


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
