"""Decisions: what they may say, and what they make of rows."""

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xray_model.data.deciding import BATCHES, IMAGES, START, decide, histories, rows_of, statuses_after
from xray_model.data.decisions import (
    MONITOR,
    Action,
    Decision,
    fold_decisions,
    in_order,
    propose,
    refuse_release,
    standing_decisions,
)
from xray_model.errors import InvalidInput


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
