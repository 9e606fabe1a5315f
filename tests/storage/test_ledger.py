"""The ledger: every decision for ever, and which model is in service after them."""

import json
from datetime import timedelta

import pytest

from storage.ledger import (
    LedgerEntry,
    append_entry,
    champion_line,
    champion_of,
    entries_until,
    find_waiting,
    load_entries,
    options_digest,
    was_decided,
)
from storage.store import Store
from tests.storage.entries import START, gate, steward, write_ledger
from xray_model.config import Augmentation, GatePolicy, RetrainOptions, ShortcutBounds, TrainingOptions
from xray_model.errors import InvalidInput

HISTORY: list[LedgerEntry] = [
    gate(0, 1, promote=False),
    gate(1, 2),
    gate(2, 3, 2, promote=False),
    gate(3, 4, 2, approval=True),
    steward(4, "approval", 4, 2),
    steward(5, "rollback", 2, 4),
    gate(6, 5, 2, approval=True),
    steward(7, "refusal", 5, 2),
]
IN_SERVICE = [None, 2, 2, 2, 4, 2, 2, 2]
WAITING = [None, None, None, 4, None, None, 5, None]


def test_every_kind_of_entry_is_read_back(store: Store) -> None:
    """Decisions, approvals, refusals and rollbacks come back as they were written, in order."""
    for entry in reversed(HISTORY):
        assert append_entry(store.objects, entry)
    assert load_entries(store.objects) == HISTORY


def test_entry_from_before_there_were_kinds_is_a_decision(store: Store) -> None:
    """What an earlier version of this project wrote has no kind, and is the gate's."""
    written = json.loads(gate(0, 1).model_dump_json())
    del written["kind"]
    del written["decision"]["requires_approval"], written["run_id"], written["model_sha256"]
    store.objects.put("ledger/00000000.json", json.dumps(written).encode())
    assert load_entries(store.objects) == [gate(0, 1)]


@pytest.mark.parametrize("length", range(1, len(HISTORY) + 1))
def test_service_after_each_entry(length: int) -> None:
    """In service is the model last promoted, approved or gone back to; what waits, waits until anyone decides."""
    entries = HISTORY[:length]
    champion, waiting = champion_of(entries), find_waiting(entries)
    assert (champion and champion.version) == IN_SERVICE[length - 1]
    assert (waiting and waiting.version) == WAITING[length - 1]


def test_champion_is_told_with_the_figures_it_was_judged_by() -> None:
    """After a rollback it is in service since then, with the snapshot and the score of its own night."""
    champion = champion_of(HISTORY)
    assert champion is not None
    assert (champion.since, champion.snapshot_id) == (HISTORY[5].decided, "s1")
    assert champion.minority_f1.value == 0.8
    assert champion_of([]) is None


@pytest.mark.parametrize(
    ("days", "version"), [(-1.0, None), (0.5, None), (1.0, 2), (3.9, 2), (4.0, 4), (4.9, 4), (5.0, 2), (99.0, 2)]
)
def test_what_was_in_service_then(days: float, version: int | None) -> None:
    """At any moment it is the model that the entries until then put there."""
    champion = champion_of(entries_until(HISTORY, START + timedelta(days=days)))
    assert (champion and champion.version) == version


def test_newer_challenger_waits_in_place_of_the_older() -> None:
    """Of two that passed the later waits; one that did not pass changes nothing; a promotion ends all waiting."""
    first, second = gate(0, 1, approval=True), gate(1, 2, approval=True)
    assert find_waiting([first, second]) == second
    assert find_waiting([first, second, gate(2, 3, promote=False)]) == second
    assert find_waiting([first, second, gate(2, 3)]) is None


def test_line_of_champions_leaves_out_what_was_gone_back_from() -> None:
    """A second rollback goes further back, not to the model that the first one took out of service."""
    promoted: list[LedgerEntry] = [gate(0, 1), gate(1, 2, 1), gate(2, 3, 2)]
    assert champion_line(promoted) == [1, 2, 3]
    back = [*promoted, steward(3, "rollback", 2, 3)]
    assert champion_line(back) == [1, 2]
    assert champion_line([*back, steward(4, "rollback", 3, 2)]) == [1, 2, 3]
    assert champion_line([]) == []


def test_a_number_is_given_once(store: Store) -> None:
    """Of two next entries one is written, and the other is told."""
    assert append_entry(store.objects, gate(0, 1))
    assert not append_entry(store.objects, gate(0, 2))
    assert load_entries(store.objects) == [gate(0, 1)]


def test_a_training_is_known_by_snapshot_and_options(store: Store) -> None:
    """The same snapshot with other options is another training, also after it was gone back from."""
    entries: list[LedgerEntry] = [gate(0, 1), gate(1, 2, 1), steward(2, "rollback", 1, 2)]
    assert was_decided(entries, "s1", "d")
    assert not was_decided(entries, "s1", "e")
    assert not was_decided(entries, "s2", "d")


def test_digest_tells_options_that_differ_from_the_defaults() -> None:
    """Any option that is not at its default is told; forcing is none, and a default that is spelled out is one."""
    chosen = [
        RetrainOptions(),
        RetrainOptions(gate=GatePolicy(floor=0.7)),
        RetrainOptions(gate=GatePolicy(shortcuts=ShortcutBounds(lungs_hidden=0.4))),
        RetrainOptions(gate=GatePolicy(waivers={"lungs-hidden": "known"})),
        RetrainOptions(training=TrainingOptions(seed=1)),
        RetrainOptions(training=TrainingOptions(augmentation=Augmentation(rotation=1))),
    ]
    assert len({options_digest(options) for options in chosen}) == len(chosen)
    assert options_digest(RetrainOptions(force=True, gate=GatePolicy(floor=0.6))) == options_digest(chosen[0])


def test_digest_does_not_know_an_option_that_is_added_later() -> None:
    """A store of an earlier version is not trained once more because a later one has an option more."""

    class Later(TrainingOptions):
        new: float = 0.5

    class LaterOptions(RetrainOptions):
        training: Later = Later()

    assert options_digest(LaterOptions()) == options_digest(RetrainOptions())
    seed = options_digest(RetrainOptions(training=TrainingOptions(seed=1)))
    assert options_digest(LaterOptions(training=Later(seed=1))) == seed
    assert options_digest(LaterOptions(training=Later(seed=1, new=0.7))) != seed


def test_a_damaged_entry_is_named(store: Store) -> None:
    """Nobody can say then which model is in service, and the refusal names the object."""
    store.objects.put("ledger/00000000.json", b"{}")
    with pytest.raises(InvalidInput, match="ledger/00000000"):
        load_entries(store.objects)


def test_a_missing_entry_is_named(store: Store) -> None:
    """An entry that somebody took away may have been a promotion, so nothing is guessed."""
    write_ledger(store.objects, *HISTORY)
    store.objects.delete("ledger/00000004.json")
    with pytest.raises(InvalidInput, match=r"ledger/00000004\.json is missing"):
        load_entries(store.objects)
