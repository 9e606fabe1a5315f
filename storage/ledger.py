"""The ledger: every decision of the gate, append-only. It, not the registry, says which model is in service."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.objects import Objects
from xray_model.config import RetrainOptions
from xray_model.errors import DecisionOvertaken, InvalidInput, ObjectNotFound
from xray_model.outcomes import ChampionSummary, Decision

PREFIX = "ledger/"
_ALIAS = "alias/champion"


class LedgerEntry(BaseModel):
    """One decision: on what, by which figures, and which model was in service before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    """Counted from 0 without a gap: two decisions cannot both be the next."""
    decided: datetime
    snapshot_id: str
    options_digest: str
    backbone: str
    classes: tuple[str, ...]
    challenger_version: int
    champion_before: int | None
    champion_after: int | None
    test_patients: int
    decision: Decision


def options_digest(options: RetrainOptions) -> str:
    """What makes a training of one snapshot the same training: its options and the gate's policy."""
    text = options.model_dump_json(exclude={"force"})
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def append_entry(objects: Objects, entry: LedgerEntry) -> None:
    """Write an entry for ever, under its number.

    Raises:
        DecisionOvertaken: another decision was written under this number: what this one was compared with may be in
            service no more.
    """
    if not objects.create(f"{PREFIX}{entry.number:08d}.json", entry.model_dump_json(indent=2).encode()):
        raise DecisionOvertaken(
            f"decision {entry.number} was taken by another training while this one was judged: "
            "nothing was promoted, the next run judges again"
        )


def load_entries(objects: Objects) -> list[LedgerEntry]:
    """All entries, oldest first.

    Raises:
        InvalidInput: an object among them is no entry: which model is in service is not known then.
    """
    entries = []
    for key, data in objects.get_many([info.key for info in objects.list(PREFIX)]):
        if not isinstance(data, bytes):
            raise data
        try:
            entries.append(LedgerEntry.model_validate_json(data))
        except ValidationError as error:
            raise InvalidInput(
                f"{key} in the store is no decision of the gate as this pipeline records them, so nobody can say which "
                "model is in service. Restore it as it was."
            ) from error
    return entries


def was_decided(entries: Sequence[LedgerEntry], snapshot_id: str, digest: str) -> bool:
    """Whether this snapshot was already trained with these options, and decided on."""
    return any((entry.snapshot_id, entry.options_digest) == (snapshot_id, digest) for entry in entries)


def champion_of(entries: Sequence[LedgerEntry]) -> ChampionSummary | None:
    """The model in service after the last entry; None before the first promotion."""
    for entry in reversed(entries):
        if entry.decision.promote and entry.champion_after is not None:
            return ChampionSummary(
                version=entry.champion_after,
                since=entry.decided,
                backbone=entry.backbone,
                snapshot_id=entry.snapshot_id,
                classes=entry.classes,
                minority=entry.decision.minority,
                minority_f1=entry.decision.minority_f1,
                patients=entry.test_patients,
            )
    return None


def alias_follows(objects: Objects, champion: ChampionSummary) -> bool:
    """Whether the registry's alias is known to name this champion; a crash may have left it behind."""
    try:
        return objects.get(_ALIAS) == str(champion.version).encode()
    except ObjectNotFound:
        return False


def note_alias(objects: Objects, version: int) -> None:
    """Note that the registry's alias names this version now."""
    objects.put(_ALIAS, str(version).encode())
