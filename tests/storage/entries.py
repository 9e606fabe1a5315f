"""Entries of a ledger, and a ledger made of them."""

from datetime import UTC, datetime, timedelta

from storage.ledger import Act, GateEntry, Judgement, LedgerEntry, StewardEntry, append_entry
from storage.objects import Objects
from xray_model.outcomes import Check, Decision, Interval

START = datetime(2026, 5, 1, 2, tzinfo=UTC)


def decision(*, promote: bool = True, approval: bool = False) -> Decision:
    """What the gate says."""
    return Decision(
        promote=promote,
        checks=(Check(name="floor", passed=promote, sentence="F1 is what it is."),),
        minority="normal",
        minority_f1=Interval(value=0.8, low=0.7, high=0.9),
        requires_approval=approval,
    )


def gate(
    number: int, version: int, before: int | None = None, *, promote: bool = True, approval: bool = False
) -> GateEntry:
    """The gate's decision of day `number`."""
    return GateEntry(
        number=number,
        decided=START + timedelta(days=number),
        snapshot_id=f"s{number}",
        options_digest="d",
        backbone="basic_cnn",
        classes=("covid", "normal"),
        challenger_version=version,
        champion_before=before,
        champion_after=version if promote and not approval else before,
        test_patients=40,
        decision=decision(promote=promote, approval=approval),
    )


def steward(number: int, kind: Act, version: int, before: int | None, *, who: str = "ada") -> StewardEntry:
    """What a steward did on day `number`, about a model that was judged on day `version - 1`."""
    return StewardEntry(
        number=number,
        decided=START + timedelta(days=number),
        kind=kind,
        version=version,
        judged=version - 1,
        champion_before=before,
        champion_after=before if kind == "refusal" else version,
        who=who,
        why=f"the {kind}",
    )


WAITING: list[LedgerEntry] = [gate(0, 1), gate(1, 2, 1), gate(2, 3, 2, approval=True)]
"""v2 is in service, v1 was, and v3 waits."""


def write_ledger(objects: Objects, *entries: LedgerEntry) -> None:
    """Write entries as they are."""
    for entry in entries:
        assert append_entry(objects, entry)


def judgement(version: int, *, promote: bool = True, approval: bool = False, run_id: str | None = None) -> Judgement:
    """What the gate decided on a version."""
    return Judgement(
        snapshot_id="s",
        options_digest="d",
        backbone="basic_cnn",
        classes=("covid", "normal"),
        challenger_version=version,
        run_id=run_id,
        test_patients=40,
        decision=decision(promote=promote, approval=approval),
    )
