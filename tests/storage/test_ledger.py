"""The ledger: every decision for ever, and which model is in service after them."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.ledger import (
    LedgerEntry,
    alias_follows,
    append_entry,
    champion_of,
    load_entries,
    note_alias,
    options_digest,
    was_decided,
)
from storage.store import Store
from xray_model.config import GatePolicy, RetrainOptions
from xray_model.errors import DecisionOvertaken, InvalidInput
from xray_model.outcomes import Check, Decision, Interval

START = datetime(2026, 5, 1, 2, tzinfo=UTC)


def entry(night: int, version: int, *, promote: bool, before: int | None = None) -> LedgerEntry:
    """The decision of one night."""
    return LedgerEntry(
        number=night,
        decided=START + timedelta(days=night),
        snapshot_id=f"s{night}",
        options_digest="d",
        backbone="basic_cnn",
        classes=("covid", "normal"),
        challenger_version=version,
        champion_before=before,
        champion_after=version if promote else before,
        test_patients=40,
        decision=Decision(
            promote=promote,
            checks=(Check(name="floor", passed=promote, sentence="F1 is what it is."),),
            minority="normal",
            minority_f1=Interval(value=0.8, low=0.7, high=0.9),
        ),
    )


def test_champion_is_the_last_promoted(store: Store) -> None:
    """Nights that promote nothing leave the champion as it is, since the night it was promoted."""
    nights = [
        entry(0, 1, promote=False),
        entry(1, 2, promote=True),
        entry(2, 3, promote=False, before=2),
        entry(3, 4, promote=True, before=2),
        entry(4, 5, promote=False, before=4),
    ]
    for night in reversed(nights):
        append_entry(store.objects, night)
    loaded = load_entries(store.objects)
    assert loaded == nights
    champion = champion_of(loaded)
    assert champion is not None
    assert (champion.version, champion.since) == (4, START + timedelta(days=3))
    assert champion_of(loaded[:1]) is None


def test_of_two_next_decisions_one_is_overtaken(store: Store) -> None:
    """Two trainings judged against the same champion cannot both be the next decision."""
    append_entry(store.objects, entry(0, 1, promote=True))
    with pytest.raises(DecisionOvertaken, match="decision 0 was taken"):
        append_entry(store.objects, entry(0, 2, promote=True))
    assert [found.challenger_version for found in load_entries(store.objects)] == [1]


def test_alias_is_noted(store: Store) -> None:
    """What the alias was last moved to is known without asking the registry."""
    champion = champion_of([entry(0, 1, promote=True)])
    assert champion is not None
    assert not alias_follows(store.objects, champion)
    note_alias(store.objects, 1)
    assert alias_follows(store.objects, champion)


def test_a_training_is_known_by_snapshot_and_options(store: Store) -> None:
    """The same snapshot under another policy is another training; forcing is no other option."""
    append_entry(store.objects, entry(0, 1, promote=False))
    entries = load_entries(store.objects)
    assert was_decided(entries, "s0", "d")
    assert not was_decided(entries, "s0", "e")
    assert not was_decided(entries, "s1", "d")
    plain = options_digest(RetrainOptions())
    assert options_digest(RetrainOptions(force=True)) == plain
    assert options_digest(RetrainOptions(gate=GatePolicy(floor=0.7))) != plain


def test_a_damaged_entry_is_named(store: Store) -> None:
    """Nobody can say then which model is in service, and the refusal names the object."""
    store.objects.put("ledger/00000000.json", b"{}")
    with pytest.raises(InvalidInput, match="ledger/00000000"):
        load_entries(store.objects)
