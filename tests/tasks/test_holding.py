"""Holding: a batch that looks too different waits by a recorded decision, unless a person has decided on it."""

from typing import Any

import pytest

from storage import decisions
from storage.decisions import load_decisions, load_rows_now
from storage.store import Store
from tasks.holding import find_waiting, follow_holds, hold_batch
from tests.tasks.seeing import NEW, commit_squares, decide, drift
from xray_model.data.decisions import Action
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftState


def test_what_a_person_let_in_is_not_held(store: Store) -> None:
    """The outcome says who did, and no decision is added; the same where a person took a hold back."""
    commit_squares(store, "new", 2)
    decide(store, "release")
    found = hold_batch(store.objects, drift(DriftState.HOLD))
    assert "ada looked at it" in found.reasons[-1]
    assert not found.held
    assert len(load_decisions(store.objects)[NEW]) == 1


def test_the_release_of_one_image_bars_no_hold(store: Store) -> None:
    """The others wait, the one that a person saw is trained on."""
    commit_squares(store, "new", 3)
    decide(store, "release", "new-image-0")
    found = hold_batch(store.objects, drift(DriftState.HOLD))
    assert (found.held, found.reasons) == (True, ("The images are darker.",))
    assert load_rows_now(store.objects, ["status"], [NEW])["status"].tolist() == ["accepted", "held", "held"]


def test_two_monitors_at_once_hold_a_batch_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look before either writes: it is one decision, and taking it back lets the images go."""
    commit_squares(store, "new", 3)
    checked = decisions._check
    other = [drift(DriftState.HOLD, reasons=("The images are blurred.",))]

    def check_then_be_overtaken(*about: Any) -> None:
        checked(*about)
        if other:
            hold_batch(store.objects, other.pop())

    monkeypatch.setattr(decisions, "_check", check_then_be_overtaken)
    hold_batch(store.objects, drift(DriftState.HOLD))
    monkeypatch.undo()
    (hold,) = load_decisions(store.objects)[NEW]
    decide(store, "undo", undoes=hold.id)
    assert set(load_rows_now(store.objects, ["status"], [NEW])["status"]) == {"accepted"}


def test_a_release_that_a_hold_overtakes_stands(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A steward releases the batch while it is being held: what the person said counts, and nothing waits."""
    commit_squares(store, "new", 3)
    checked = decisions._check

    def check_then_release(proposal: Any, *about: Any) -> None:
        checked(proposal, *about)
        if proposal.action is Action.HOLD:
            decide(store, "release")

    monkeypatch.setattr(decisions, "_check", check_then_release)
    assert not hold_batch(store.objects, drift(DriftState.HOLD)).held
    assert {one.action for one in load_decisions(store.objects)[NEW]} == {Action.HOLD, Action.RELEASE}
    assert set(load_rows_now(store.objects, ["status"], [NEW])["status"]) == {"accepted"}


def test_a_taken_back_hold_is_not_repeated(store: Store) -> None:
    """A person has decided about it; reasons that do not fit on a line are no obstacle to the first one."""
    commit_squares(store, "new", 2)
    assert hold_batch(store.objects, drift(DriftState.HOLD, reasons=("New\nmaker \x1b.", "x" * 3000))).reasons
    (hold,) = load_decisions(store.objects)[NEW]
    decide(store, "undo", undoes=hold.id)
    assert not find_waiting(store.objects, [NEW])
    assert "took that back" in hold_batch(store.objects, drift(DriftState.HOLD)).reasons[-1]
    assert len(load_decisions(store.objects)[NEW]) == 2


def test_a_night_tells_of_a_held_batch_as_held(store: Store) -> None:
    """Its accepted images wait, with the reasons of the drift, until somebody decides; other batches stay."""
    commit_squares(store, "new", 3)
    batch, other = (
        BatchOutcome(
            batch_id=name, source="clinic", name="x", status=BatchStatus.ACCEPTED, accepted=3, reasons=("Odd.",)
        )
        for name in (NEW, "clinic.other.111111111111")
    )
    assert follow_holds.fn((batch, other)) == (batch, other)
    hold_batch(store.objects, drift(DriftState.HOLD))
    held, same = follow_holds.fn((batch, other))
    assert same == other
    assert (held.status, held.accepted, held.held) == (BatchStatus.HELD, 0, 3)
    assert held.reasons == ("Odd.", "The images are darker.")
    decide(store, "release")
    (decided,) = follow_holds.fn((batch,))
    assert (decided.status, decided.accepted, decided.held) == (BatchStatus.ACCEPTED, 3, 0)
