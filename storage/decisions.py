"""Decisions of stewards: append-only objects, and the catalog's rows as they count after them."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from storage.catalog import batch_family, batch_ids, current_batches, load_rows, load_tables
from storage.objects import Objects, get_all
from xray_model.data import decisions as domain
from xray_model.data.decisions import Action, Decision, Proposal, fold_decisions, in_order, standing_decisions
from xray_model.errors import InvalidInput

PREFIX = "decisions/"

DECIDED, WAS_QUARANTINED = "decided", "was_quarantined"
"""Columns that `load_tables_now` gives beyond the catalog's: see `fold_decisions`, and whether such a row was
quarantined, so that it was compared with no other image at all."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision that is on record."""

    decision: Decision
    new: bool
    """False where the very same was recorded before, so that nothing was written."""
    changed: int
    """Rows of the batch's current readings of which it changed status or finding, compared with what was known when
    it was recorded."""
    accepted: int
    """Rows that are accepted by it and were not before."""
    statuses: dict[str, int]
    """Rows of the batch by status, after it; of all its current readings where it was read again."""


def decision_key(decision: Decision) -> str:
    """Key of a decision; the order of a batch's keys is the order in which its decisions count."""
    return f"{PREFIX}{decision.batch_id}/{decision.when:%Y%m%dT%H%M%S%fZ}-{decision.id}.json"


def load_decisions(objects: Objects, batches: Iterable[str] | None = None) -> dict[str, list[Decision]]:
    """The decisions on every reading of these batches, or on all, by batch id and in order; none without a decision.

    Raises:
        InvalidInput: an object among them is no decision as it was recorded: what counts is not known then.
    """
    wanted = None if batches is None else {batch_family(batch_id) for batch_id in batches}
    prefix = PREFIX if wanted is None or len(wanted) != 1 else f"{PREFIX}{next(iter(wanted))}"
    listed = (info.key for info in objects.list(prefix))
    keys = [key for key in listed if wanted is None or batch_family(key.split("/")[1]) in wanted]
    found: dict[str, list[Decision]] = {}
    for decision in read_decisions(objects, keys).values():
        found.setdefault(decision.batch_id, []).append(decision)
    return {batch_id: in_order(decisions) for batch_id, decisions in found.items()}


def read_decisions(objects: Objects, keys: Iterable[str]) -> dict[str, Decision]:
    """The decisions under these keys.

    Raises:
        InvalidInput: one of them is no decision as it was recorded.
    """
    return {key: _parse(key, data) for key, data in get_all(objects, keys)}


def record_decision(objects: Objects, proposal: Proposal, token: str | None = None) -> Recorded:
    """Record a decision for ever.

    Args:
        objects: the store.
        proposal: what is decided.
        token: what makes it this click and no other (a form's random number): the same proposal with the same token
            is one decision however often it is sent. Without one a proposal that is on record already, and was not
            taken back, is that decision.

    Raises:
        InvalidInput: there is no such batch, image or decision; the batch was read again since; an image is
            named that can never be released; or a batch must not be held (`refuse_hold`). Nothing was recorded.
    """
    _check_batch(objects, proposal)
    on_readings = load_decisions(objects, [proposal.batch_id])
    known = on_readings.get(proposal.batch_id, [])
    before = _sent_before(proposal, token, known)
    if before is not None:
        return _describe(objects, on_readings, before, new=False)
    _check(proposal, load_rows(objects, domain.COLUMNS, [proposal.batch_id]), known)
    now = datetime.now(UTC)
    # After all it could have seen, also where this machine's clock is behind: else an undo could undo nothing.
    when = max([now, *(one.when + timedelta(microseconds=1) for some in on_readings.values() for one in some)])
    name = proposal.identify(secrets.token_hex(8) if token is None else token)
    decision = Decision(**proposal.model_dump(), id=name, when=when)
    objects.create(decision_key(decision), decision.model_dump_json(indent=2).encode())
    return _describe(objects, on_readings, decision, new=True)


def load_rows_now(
    objects: Objects, columns: Sequence[str], batches: Iterable[str] | None = None, statuses: Collection[str] = ()
) -> pd.DataFrame:
    """`catalog.load_rows` with status and finding as they count now."""
    chosen = sorted(current_batches(objects)) if batches is None else batches
    rows, _ = load_tables_now(objects, list(dict.fromkeys([*columns, "status"])), chosen)
    kept = rows[rows["status"].isin(statuses)] if statuses else rows
    return kept[list(columns)].reset_index(drop=True)


def count_statuses(objects: Objects) -> dict[str, dict[str, int]]:
    """Rows by status as they count now, of each current batch of which a decision was made on any reading.

    A batch without a row, because it brought nothing new, has no status.
    """
    decided = {batch_family(batch_id) for batch_id in load_decisions(objects)}
    chosen = [name for name in current_batches(objects) if batch_family(name) in decided] if decided else []
    rows = load_rows_now(objects, ["batch_id", "status"], chosen)
    found = {str(name): dict(Counter(some["status"])) for name, some in rows.groupby("batch_id")}
    return {name: found.get(name, {}) for name in chosen}


def load_tables_now(
    objects: Objects, columns: Sequence[str], batches: Iterable[str]
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """`catalog.load_tables` with status and finding as they count now, `DECIDED` and `WAS_QUARANTINED`.

    Decisions are listed once, and only the batches that have one, on any reading, are folded.
    """
    chosen = list(batches)
    decisions = load_decisions(objects, chosen)
    wanted = list(dict.fromkeys([*columns, "batch_id", *(("image_id", "key", "status") if decisions else ())]))
    rows, compared = load_tables(objects, wanted, chosen)
    decided, refused = np.full(len(rows), "NaT", "datetime64[us]"), np.zeros(len(rows), np.bool_)
    if decisions:
        amended = {name: rows[name].to_numpy(object, copy=True) for name in ("status", "label") if name in rows}
        families = {batch_family(batch_id) for batch_id in decisions}
        codes, names = pd.factorize(rows["batch_id"])
        for place, name in enumerate(names):
            if batch_family(name) in families:
                here = codes == place
                folded = fold_readings(load_rows(objects, domain.COLUMNS, [name]), name, decisions)
                decided[here] = folded[DECIDED]
                refused[here] = amended["status"][here] == "quarantined"
                for column, values in amended.items():
                    values[here] = folded[column]
        rows = rows.assign(
            **{name: pd.Series(values, rows.index, rows[name].dtype) for name, values in amended.items()}
        )
        again = _refused_again(rows, decided)
        if again.any():
            rows, decided, refused = rows[~again].reset_index(drop=True), decided[~again], refused[~again]
    return rows[list(columns)].assign(**{DECIDED: decided, WAS_QUARANTINED: refused}), compared


def fold_readings(rows: pd.DataFrame, batch_id: str, decisions: Mapping[str, Sequence[Decision]]) -> pd.DataFrame:
    """`fold_decisions` of one batch's rows, with the decisions on all its readings (as `load_decisions` gives them)."""
    family = batch_family(batch_id)
    others = (some for name, some in decisions.items() if name != batch_id and batch_family(name) == family)
    return fold_decisions(rows, decisions.get(batch_id, ()), chain.from_iterable(others))


def _parse(key: str, data: bytes) -> Decision:
    try:
        decision = Decision.model_validate_json(data)
    except ValidationError:
        decision = None
    if decision is None or decision_key(decision) != key:
        raise InvalidInput(
            f"{key} in the store is no decision as this pipeline records them, so nobody can say which images count. "
            "Restore it as it was, or remove it if it was never a steward's."
        )
    return decision


def _refused_again(rows: pd.DataFrame, decided: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
    """Rows by which a later revision of a batch refused, once more, a file that a person had released."""
    released = (rows["status"] == "accepted").to_numpy() & ~np.isnat(decided)
    if not released.any():
        return released
    suspects = (rows["status"] == "quarantined").to_numpy() & rows["image_id"].isin(rows["image_id"][released])
    places = np.flatnonzero(released | suspects)
    some = rows.iloc[places]
    families = some["batch_id"].map(batch_family)
    files = list(zip(families, some["key"], some["image_id"], strict=True))
    kept = {file for file, place in zip(files, places, strict=True) if released[place]}
    again = np.zeros(len(rows), np.bool_)
    again[[place for file, place in zip(files, places, strict=True) if not released[place] and file in kept]] = True
    return again


def _sent_before(proposal: Proposal, token: str | None, known: Sequence[Decision]) -> Decision | None:
    if token is not None:
        return next((one for one in known if one.id == proposal.identify(token)), None)
    content = proposal.model_dump()
    standing = standing_decisions(known).values()
    return next((one for one in standing if one.model_dump(include=set(content)) == content), None)


def _check_batch(objects: Objects, proposal: Proposal) -> None:
    batch_id = proposal.batch_id
    if batch_id in current_batches(objects, batch_family(batch_id)):
        return
    if batch_id not in batch_ids(objects, batch_family(batch_id)):
        raise InvalidInput(f"there is no batch {batch_id!r} in the catalog; `xray review list` names those that wait")
    if proposal.action is Action.UNDO:
        return  # for what it takes back may hold for the new reading
    now = ", ".join(current_batches(objects, batch_family(batch_id)))
    raise InvalidInput(f"batch {batch_id} was read again since, and no decision on it would count: decide on {now}")


def _check(proposal: Proposal, rows: pd.DataFrame, known: Sequence[Decision]) -> None:
    strangers = sorted(set(proposal.image_ids).difference(rows["image_id"]))
    if strangers:
        more = f" (and {len(strangers) - 1} more)" if len(strangers) > 1 else ""
        raise InvalidInput(f"batch {proposal.batch_id} has no image {strangers[0]}{more}. Nothing was decided.")
    if proposal.action is Action.UNDO:
        _check_undo(proposal, known)
    elif rows.empty:
        raise InvalidInput(f"batch {proposal.batch_id} has no image to decide on: send it again, corrected")
    refusal = domain.refuse_release(rows, proposal.image_ids) if proposal.action is Action.RELEASE else None
    if refusal:
        raise InvalidInput(refusal)
    refusal = domain.refuse_hold(known) if proposal.action is Action.HOLD else None
    if refusal:
        raise InvalidInput(f"batch {proposal.batch_id} is not held: {refusal}")


def _check_undo(proposal: Proposal, known: Sequence[Decision]) -> None:
    if proposal.undoes not in {one.id for one in known}:
        raise InvalidInput(
            f"batch {proposal.batch_id} has no decision {proposal.undoes}: `xray review show` lists them"
        )
    standing = standing_decisions(known)
    if proposal.undoes not in standing:
        by = next(one.id for one in standing.values() if one.undoes == proposal.undoes)
        raise InvalidInput(f"decision {proposal.undoes} was undone already; undo {by} to bring it back")


def _describe(
    objects: Objects, on_readings: Mapping[str, Sequence[Decision]], decision: Decision, *, new: bool
) -> Recorded:
    """What a decision does to the current readings of its batch, beside the other decisions on them."""
    others = [one for one in on_readings.get(decision.batch_id, ()) if one.id != decision.id]
    before, after = ({**on_readings, decision.batch_id: some} for some in (others, [*others, decision]))
    changed, accepted = 0, 0
    statuses: dict[str, Counter[str]] = {}
    for batch_id in current_batches(objects, batch_family(decision.batch_id)):
        rows = load_rows(objects, domain.COLUMNS, [batch_id])
        was, now = fold_readings(rows, batch_id, before), fold_readings(rows, batch_id, after)
        label_changed = was["label"].fillna("") != now["label"].fillna("")
        changed += int(((was["status"] != now["status"]) | label_changed).sum())
        accepted += int(((now["status"] == "accepted") & (was["status"] != "accepted")).sum())
        statuses[batch_id] = Counter(now["status"])
    # A reading that no longer counts has no images of its own: those that took their place are told of.
    told = statuses.get(decision.batch_id) or sum(statuses.values(), Counter[str]())
    return Recorded(decision=decision, new=new, changed=changed, accepted=accepted, statuses=dict(told))
