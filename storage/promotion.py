"""What changes which model is in service: the gate's decisions and a steward's.

The ledger is written first and is the truth; the registry's aliases follow it, `champion` last (`storage.aliases`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from storage.aliases import check_same_run, find_run, follow_ledger
from storage.ledger import (
    GATE,
    Act,
    GateEntry,
    Judgement,
    LedgerEntry,
    StewardEntry,
    append_entry,
    champion_line,
    find_judged,
    find_waiting,
    last_change,
    load_entries,
    served_versions,
)
from storage.objects import Objects
from storage.registry import Registry
from xray_model.data.decisions import describe_faults
from xray_model.errors import (
    ConfigurationError,
    DecisionOvertaken,
    InvalidInput,
    RegistryUnavailable,
)

E = TypeVar("E", GateEntry, StewardEntry)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E]):
    """An entry that is in the ledger."""

    entry: E
    new: bool
    """False where the very same was recorded before, so that nothing was written."""
    behind: str = ""
    """Why the registry's aliases do not follow the ledger yet, where they do not."""


def record_judgement(objects: Objects, judgement: Judgement, compared_with: int | None) -> Recorded[GateEntry]:
    """Record what the gate decided on a challenger; a version that was decided on before stays as it is recorded.

    Args:
        objects: the store.
        judgement: what the gate decided.
        compared_with: the champion that the challenger was judged against.

    Raises:
        ConfigurationError: another model was decided on under this version.
        DecisionOvertaken: another model came into service since the challenger was judged.
    """
    passed = judgement.decision.promote and not judgement.decision.requires_approval

    def compose(entries: Sequence[LedgerEntry]) -> GateEntry:
        known = find_judged(entries, judgement.version)
        if known is not None:
            check_same_run(known, judgement.run_id)
            return known
        before = _in_service(entries)
        if before != compared_with:
            raise DecisionOvertaken(
                f"model v{before} came into service while v{judgement.version} was judged against "
                f"{'no champion' if compared_with is None else f'v{compared_with}'}: nothing was promoted, the next "
                "run judges again"
            )
        after = judgement.version if passed else before
        return GateEntry(**_stamp(entries), champion_before=before, champion_after=after, **dict(judgement))

    return _record(objects, compose)


def approve_model(objects: Objects, registry: Registry, version: int, *, who: str, why: str) -> Recorded[StewardEntry]:
    """Put a challenger in service that waits for it.

    Raises:
        InvalidInput: it never waited.
        DecisionOvertaken: it waits no more.
        ConfigurationError: the registry has another model under this version.
        ObjectNotFound: the registry has no such model any more.
        RegistryUnavailable: the registry does not answer; nothing was changed.
    """
    return _act(objects, registry, "approval", version, who, why, check_waits)


def refuse_model(objects: Objects, registry: Registry, version: int, *, who: str, why: str) -> Recorded[StewardEntry]:
    """Keep a challenger out of service that waits for approval.

    Raises:
        InvalidInput: it never waited.
        DecisionOvertaken: it waits no more.
    """
    return _act(objects, registry, "refusal", version, who, why, check_waits)


def roll_back(
    objects: Objects, registry: Registry, to: int, *, who: str, why: str, instead_of: int | None = None
) -> Recorded[StewardEntry]:
    """Put a model in service again that was there before.

    Args:
        objects: the store.
        registry: where the model is.
        to: its version.
        who: the steward.
        why: the reason.
        instead_of: the version that the steward saw in service.

    Raises:
        InvalidInput: it is in service, or never was.
        DecisionOvertaken: not `instead_of` is in service.
        ConfigurationError: the registry has another model under this version.
        ObjectNotFound: the registry has no such model any more.
        RegistryUnavailable: the registry does not answer; nothing was changed.
    """

    def check(entries: Sequence[LedgerEntry], _: GateEntry) -> None:
        now = _in_service(entries)
        if instead_of not in {None, now}:
            raise DecisionOvertaken(f"model v{now} came into service since you looked: look again, nothing was changed")
        if to == now:
            raise InvalidInput(f"model v{to} is in service already. Nothing was changed.")
        served = served_versions(entries)
        if to not in served:
            those = ", ".join(f"v{one}" for one in sorted(served)) or "none so far"
            raise InvalidInput(f"model v{to} never was in service; those that were: {those}. Nothing was changed.")

    return _act(objects, registry, "rollback", to, who, why, check)


def previous_champion(entries: Sequence[LedgerEntry]) -> int:
    """The version that a rollback goes to where none is named.

    Raises:
        InvalidInput: there is none.
    """
    line = champion_line(entries)
    if not line:
        raise InvalidInput("no model is in service, so there is none to go back from")
    if len(line) == 1:
        raise InvalidInput(f"no model was in service before v{line[0]}; name another that was with --to")
    return line[-2]


def check_waits(entries: Sequence[LedgerEntry], judged: GateEntry) -> None:
    """Say why a challenger does not wait for approval.

    Raises:
        InvalidInput: it never did.
        DecisionOvertaken: it waits no more.
    """
    if judged == find_waiting(entries):
        return
    if not judged.awaits_approval:
        why = "was promoted by the gate alone" if judged.decision.promote else "did not pass the gate"
        raise InvalidInput(f"model v{judged.version} {why}, so it does not wait for approval. Nothing was decided.")
    later = entries[judged.number + 1 :]
    ended = next(e for e in later if isinstance(e, StewardEntry) or e.awaits_approval or e.changes_champion)
    raise DecisionOvertaken(f"model v{judged.version} waits no more: {_tell(ended)}. Nothing was decided.")


def _act(
    objects: Objects,
    registry: Registry,
    kind: Act,
    version: int,
    who: str,
    why: str,
    check: Callable[[Sequence[LedgerEntry], GateEntry], None],
) -> Recorded[StewardEntry]:
    def compose(entries: Sequence[LedgerEntry]) -> StewardEntry:
        judged, before = find_judged(entries, version), _in_service(entries)
        if judged is None:
            raise InvalidInput(f"there is no model v{version}; `xray models` lists those there are")
        draft = _draft(
            **_stamp(entries),
            kind=kind,
            version=version,
            judged=judged.number,
            champion_before=before,
            champion_after=before if kind == "refusal" else version,
            who=who,
            why=why,
        )
        last = entries[-1]
        if isinstance(last, StewardEntry) and _content(last) == _content(draft):
            return last  # a form or a command that was sent twice
        check(entries, judged)
        if draft.changes_champion:
            registry.check_model(find_run(entries, registry, version))  # what is gone is not put in service
        return draft

    recorded = _record(objects, compose)
    try:
        follow_ledger(objects, registry)
    except (ConfigurationError, RegistryUnavailable) as error:
        return replace(recorded, behind=str(error))
    return recorded


def _record(objects: Objects, compose: Callable[[Sequence[LedgerEntry]], E]) -> Recorded[E]:
    """Append what `compose` makes of the entries so far; where another comes first it is asked again."""
    while True:
        entries = load_entries(objects)
        entry = compose(entries)
        if entry.number < len(entries):
            return Recorded(entry, new=False)
        if append_entry(objects, entry):
            return Recorded(entry, new=True)


def _stamp(entries: Sequence[LedgerEntry]) -> dict[str, Any]:
    """Number and time of the next entry: after all that were known, also where this machine's clock is behind."""
    now = datetime.now(UTC)
    after = [entries[-1].decided + timedelta(microseconds=1)] if entries else []
    return {"number": len(entries), "decided": max([now, *after])}


def _draft(**fields: Any) -> StewardEntry:
    try:
        draft = StewardEntry.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(f"this cannot be decided: {describe_faults(error)}. Nothing was decided.") from error
    if draft.who.casefold() == GATE:
        raise InvalidInput(f"{draft.who!r} is no person: give your own name. Nothing was decided.")
    return draft


def _content(entry: StewardEntry) -> Mapping[str, Any]:
    return entry.model_dump(include={"kind", "version", "who", "why"})


def _in_service(entries: Sequence[LedgerEntry]) -> int | None:
    change = last_change(entries)
    return None if change is None else change.version


def _tell(entry: LedgerEntry) -> str:
    """What ended the waiting of a challenger."""
    if isinstance(entry, StewardEntry):
        return f"{entry.who} {entry.did} at {entry.decided:%Y-%m-%d %H:%M} UTC ({entry.why})"
    if entry.awaits_approval:
        return f"v{entry.version} passed the gate after it, and waits in its place"
    return f"v{entry.version} came into service since, and it was never compared with that"
