"""The ledger: all that ever decided which model is in service, append-only. It, not the registry, says which one is.

Two kinds of entries: what the gate decided on a challenger, and what a steward did (approve, refuse, go back).
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from storage.objects import Objects, get_all
from xray_model.config import RetrainOptions
from xray_model.data.decisions import one_line
from xray_model.errors import InvalidInput
from xray_model.outcomes import ChampionSummary, Decision, PromotionOutcome

PREFIX = "ledger/"
GATE = "the gate"
"""Who decided, where no person did."""
Act: TypeAlias = Literal["approval", "refusal", "rollback"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Judgement(_Frozen):
    """What the gate decided on a challenger: on what, and by which figures."""

    snapshot_id: str
    options_digest: str
    backbone: str
    classes: tuple[str, ...]
    challenger_version: int
    """Its number in MLflow, which begins at 1 again where MLflow was lost."""
    run_id: str | None = None
    """Its MLflow run, which no other model ever has; None in entries of earlier versions of this project."""
    model_sha256: str | None = None
    """Hash of its file, likewise."""
    test_patients: int
    decision: Decision

    @property
    def version(self) -> int:
        """The model it is about."""
        return self.challenger_version


class _Entry(_Frozen):
    number: int
    """Counted from 0 without a gap: two entries cannot both be the next."""
    decided: datetime
    """UTC; later than all entries before it."""
    champion_before: int | None
    champion_after: int | None

    @property
    def changes_champion(self) -> bool:
        """Whether another model is in service after it."""
        return self.champion_before != self.champion_after


class GateEntry(_Entry, Judgement):
    """A decision of the gate."""

    kind: Literal["decision"] = "decision"

    @property
    def who(self) -> str:
        """Who decided."""
        return GATE

    @property
    def did(self) -> str:
        """What was decided, without who and why."""
        if not self.decision.promote:
            return f"did not promote v{self.version}"
        return f"passed v{self.version}, for approval" if self.awaits_approval else f"promoted v{self.version}"

    @property
    def awaits_approval(self) -> bool:
        """Whether the challenger passed and was left to a steward."""
        return self.decision.promote and self.champion_after != self.challenger_version

    @property
    def outcome(self) -> PromotionOutcome:
        """What the decision did."""
        return PromotionOutcome(
            decision=self.decision,
            challenger_version=self.version,
            champion_before=self.champion_before,
            champion_after=self.champion_after,
        )


class StewardEntry(_Entry):
    """What a person did: approve or refuse a challenger that waited, or go back to a model."""

    kind: Act
    version: int
    """The model that was approved, refused, or put in service again."""
    judged: int
    """Number of the gate's decision on it, where its figures and its snapshot are."""
    who: str = Field(max_length=100)
    why: str = Field(max_length=2000)

    @property
    def did(self) -> str:
        """What was decided, without who and why."""
        if self.kind == "rollback":
            return f"went back from v{self.champion_before} to v{self.version}"
        return f"{'approved' if self.kind == 'approval' else 'refused'} v{self.version}"

    @field_validator("who", "why")
    @classmethod
    def _one_line(cls, text: str) -> str:
        return one_line(text)


LedgerEntry: TypeAlias = GateEntry | StewardEntry
_READER: TypeAdapter[LedgerEntry] = TypeAdapter(LedgerEntry)


def options_digest(options: RetrainOptions) -> str:
    """What makes a training of one snapshot the same training: its options and the gate's policy.

    Only what differs from the defaults counts, so that an option which a later version adds makes no training another.
    """
    text = options.model_dump_json(exclude={"force"}, exclude_defaults=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def append_entry(objects: Objects, entry: LedgerEntry) -> bool:
    """Write an entry for ever, under its number; False where another one has this number, and nothing was written."""
    return objects.create(_key(entry.number), entry.model_dump_json(indent=2).encode())


def load_entries(objects: Objects) -> list[LedgerEntry]:
    """All entries, oldest first.

    Raises:
        InvalidInput: an object among them is no entry, or one is missing: which model is in service is not known then.
    """
    entries: list[LedgerEntry] = []
    for key, data in get_all(objects, [info.key for info in objects.list(PREFIX)]):
        if key != _key(len(entries)):
            raise InvalidInput(
                f"{_key(len(entries))} is missing in the store, and {key} is there, so nobody can say which model is "
                "in service. Restore the ledger as it was."
            )
        try:
            entries.append(_READER.validate_json(data))
        except ValidationError as error:
            raise InvalidInput(
                f"{key} in the store is no decision as this pipeline records them, so nobody can say which model is "
                "in service. Restore it as it was."
            ) from error
    return entries


def was_decided(entries: Iterable[LedgerEntry], snapshot_id: str, digest: str) -> bool:
    """Whether the gate already decided on a training of this snapshot with these options."""
    return any(
        (entry.snapshot_id, entry.options_digest) == (snapshot_id, digest)
        for entry in entries
        if isinstance(entry, GateEntry)
    )


def find_judged(entries: Iterable[LedgerEntry], version: int) -> GateEntry | None:
    """The gate's decision on a version; None where there is no such version."""
    return next((one for one in entries if isinstance(one, GateEntry) and one.version == version), None)


def last_change(entries: Sequence[LedgerEntry]) -> LedgerEntry | None:
    """The entry that put the model in service there; None before the first promotion."""
    return next((entry for entry in reversed(entries) if entry.changes_champion), None)


def champion_of(entries: Sequence[LedgerEntry]) -> ChampionSummary | None:
    """The model in service after the last entry; None before the first promotion."""
    change = last_change(entries)
    judged = None if change is None else find_judged(entries, change.version)
    if change is None or judged is None:
        return None
    return ChampionSummary(
        version=change.version,
        since=change.decided,
        backbone=judged.backbone,
        snapshot_id=judged.snapshot_id,
        classes=judged.classes,
        minority=judged.decision.minority,
        minority_f1=judged.decision.minority_f1,
        patients=judged.test_patients,
    )


def entries_until(entries: Iterable[LedgerEntry], moment: datetime) -> list[LedgerEntry]:
    """What was decided up to a moment: of these, `champion_of` is the model that was in service then."""
    return [entry for entry in entries if entry.decided <= moment]


def find_waiting(entries: Sequence[LedgerEntry]) -> GateEntry | None:
    """The challenger that waits for a steward: the last that passed, unless one decided, or the champion changed."""
    for entry in reversed(entries):
        if isinstance(entry, GateEntry) and entry.awaits_approval:
            return entry
        if isinstance(entry, StewardEntry) or entry.changes_champion:
            return None
    return None


def served_versions(entries: Iterable[LedgerEntry]) -> set[int]:
    """Every version that ever was in service."""
    return {entry.version for entry in entries if entry.changes_champion}


def champion_line(entries: Iterable[LedgerEntry]) -> list[int]:
    """The champions up to the one in service, which is last: going back to one takes those after it out of the line."""
    line: list[int] = []
    for entry in entries:
        if entry.changes_champion:
            before = line[: line.index(entry.version)] if entry.version in line else line
            line = [*before, entry.version]
    return line


def _key(number: int) -> str:
    return f"{PREFIX}{number:08d}.json"
