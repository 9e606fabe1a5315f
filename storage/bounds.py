"""Bounds that stewards accepted: append-only objects, the bounds in force, and what accepted images propose."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from storage.known import load_known
from storage.objects import Objects, get_all
from xray_model.data.bound_changes import (
    BoundsChange,
    BoundsInForce,
    ChangeRequest,
    Limits,
    fold_changes,
    in_order,
    last_changes,
    request_change,
)
from xray_model.data.bounds import DEFAULTS
from xray_model.data.proposing import Proposed, proposal_id, propose_bounds
from xray_model.errors import InvalidInput

PREFIX = "bounds/"


@dataclass(frozen=True, slots=True)
class Proposals:
    """Every bound in force beside the one that accepted images speak for."""

    rows: tuple[Proposed, ...]
    id: str
    """What `accept_bounds` is told, so that nobody accepts other bounds than were shown."""


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change of bounds that is on record."""

    change: BoundsChange
    new: bool
    """False where the very same was recorded before, so that nothing was written."""


def load_changes(objects: Objects) -> list[BoundsChange]:
    """Every change that was ever made, in order.

    Raises:
        InvalidInput: an object among them is no change as it was recorded: what is in force is not known then.
    """
    keys = [info.key for info in objects.list(PREFIX)]
    return in_order(_parse(key, data) for key, data in get_all(objects, keys))


def load_bounds(objects: Objects) -> BoundsInForce:
    """The bounds in force; InvalidInput as `load_changes`."""
    return fold_changes(load_changes(objects))


def propose(objects: Objects) -> Proposals:
    """What all accepted images say of the bounds in force, as they count now: what a person rejected is no evidence."""
    columns = dict.fromkeys(bound.column for bound in DEFAULTS.values())
    rows = load_known(objects, ["source", "status", *columns], ("accepted", "quarantined")).rows
    accepted = rows["status"] == "accepted"
    proposed = propose_bounds(rows[accepted], rows[~accepted], load_bounds(objects).bounds)
    return Proposals(proposed, proposal_id(proposed))


def accept_bounds(
    objects: Objects, codes: Iterable[str], shown: str, *, who: str, why: str, token: str | None = None
) -> RecordedChange:
    """Put proposed bounds in force: the next batches are judged by them, those already judged stay as they are.

    Args:
        objects: the store.
        codes: of the rules whose proposed bound is accepted.
        shown: `Proposals.id` of what the steward saw.
        who: the steward.
        why: the reason.
        token: what makes it this click and no other (a form's random number): the same request with the same token is
            one change however often it is sent. Without one a request that is on record already, and whose bounds
            are in force, is that change.

    Raises:
        InvalidInput: other bounds are proposed now than were shown, or none for one of the rules. Nothing was recorded.
    """
    request = request_change(codes=tuple(codes), shown=shown, who=who, why=why)
    return _record(objects, request, token, lambda _: _proposed_limits(objects, request))


def reset_bounds(
    objects: Objects, codes: Iterable[str], *, who: str, why: str, token: str | None = None
) -> RecordedChange:
    """Put bounds back to those that the pipeline starts with; arguments as in `accept_bounds`.

    Raises:
        InvalidInput: there is no such bound, or it stands there already. Nothing was recorded.
    """
    request = request_change(codes=tuple(codes), who=who, why=why)
    return _record(objects, request, token, lambda known: _default_limits(known, request))


def change_key(change: BoundsChange) -> str:
    """Key of a change; the order of the keys is the order in which changes count."""
    return f"{PREFIX}{change.when:%Y%m%dT%H%M%S%fZ}-{change.id}.json"


def _record(
    objects: Objects,
    request: ChangeRequest,
    token: str | None,
    limits: Callable[[list[BoundsChange]], dict[str, Limits | None]],
) -> RecordedChange:
    known = load_changes(objects)
    before = _sent_before(request, token, known)
    if before is not None:
        return RecordedChange(before, new=False)
    change = BoundsChange(
        **request.model_dump(),
        id=request.identify(secrets.token_hex(8) if token is None else token),
        # After all it could have seen, also where this machine's clock is behind: else it would not count.
        when=max([datetime.now(UTC), *(one.when + timedelta(microseconds=1) for one in known)]),
        bounds=limits(known),
    )
    objects.create(change_key(change), change.model_dump_json(indent=2).encode())
    return RecordedChange(change, new=True)


def _sent_before(request: ChangeRequest, token: str | None, known: list[BoundsChange]) -> BoundsChange | None:
    if token is not None:
        return next((one for one in known if one.id == request.identify(token)), None)
    last = last_changes(known)
    content = request.model_dump()
    standing = (one for one in known if all(last[code] == one for code in one.codes))
    return next((one for one in standing if one.model_dump(include=set(content)) == content), None)


def _proposed_limits(objects: Objects, request: ChangeRequest) -> dict[str, Limits | None]:
    proposals = propose(objects)
    if proposals.id != request.shown:
        raise InvalidInput(
            f"other bounds are proposed now ({proposals.id}) than those you were shown ({request.shown}): images or "
            "bounds changed since. Look at `xray expectations propose` again. Nothing was changed."
        )
    rows = {row.today.code: row for row in proposals.rows}
    same = [code for code in request.codes if not rows[code].changes]
    if same:
        raise InvalidInput(f"nothing is proposed for {', '.join(same)}: {rows[same[0]].why} Nothing was changed.")
    return {code: Limits(low=rows[code].proposed.low, high=rows[code].proposed.high) for code in request.codes}


def _default_limits(known: list[BoundsChange], request: ChangeRequest) -> dict[str, Limits | None]:
    last = last_changes(known)
    same = [code for code in request.codes if code not in last or last[code].bounds[code] is None]
    if same:
        raise InvalidInput(f"{', '.join(same)} stands where the pipeline starts already. Nothing was changed.")
    return dict.fromkeys(request.codes)


def _parse(key: str, data: bytes) -> BoundsChange:
    try:
        change = BoundsChange.model_validate_json(data)
    except ValidationError:
        change = None
    if change is None or change_key(change) != key:
        raise InvalidInput(
            f"{key} in the store is no change of bounds as this pipeline records them, so nobody can say by which "
            "bounds images are judged. Restore it as it was, or remove it if it was never a steward's."
        )
    return change
