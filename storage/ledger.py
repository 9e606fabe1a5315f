"""The ledger: every decision of the gate, append-only. It, not the registry, says which model is in service."""

import hashlib
import secrets
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from storage.objects import Objects
from xray_model.config import RetrainOptions
from xray_model.outcomes import ChampionSummary, Decision

PREFIX = "ledger/"


class LedgerEntry(BaseModel):
    """One decision: on what, by which figures, and which model was in service before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


def append_entry(objects: Objects, entry: LedgerEntry) -> str:
    """Write an entry for ever; returns its key."""
    moment = entry.decided.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    key = f"{PREFIX}{moment}-{entry.snapshot_id}-{entry.options_digest}-{secrets.token_hex(2)}.json"
    if not objects.create(key, entry.model_dump_json(indent=2).encode()):
        return append_entry(objects, entry)
    return key


def was_decided(objects: Objects, snapshot_id: str, digest: str) -> bool:
    """Whether this snapshot was already trained with these options, and decided on."""
    mark = f"-{snapshot_id}-{digest}-"
    return any(mark in info.key for info in objects.list(PREFIX))


def load_entries(objects: Objects) -> list[LedgerEntry]:
    """All entries, oldest first."""
    keys = [info.key for info in objects.list(PREFIX)]
    entries = []
    for _, data in objects.get_many(keys):
        if not isinstance(data, bytes):
            raise data
        entries.append(LedgerEntry.model_validate_json(data))
    return sorted(entries, key=lambda entry: entry.decided)


def champion_of(entries: list[LedgerEntry]) -> ChampionSummary | None:
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
