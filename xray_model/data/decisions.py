"""What a person decided about refused images, and what it makes of a batch's rows."""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from xray_model.data.labels import FINDINGS
from xray_model.errors import InvalidInput

REJECTED = "rejected"
"""Status of an image that a person took out; the catalog itself knows accepted, quarantined and held."""

COLUMNS = ("image_id", "status", "label", "patient_id", "split", "shard", "unreadable", "duplicate_kind")
"""What of a catalog row `fold_decisions` needs."""

MONITOR = "monitor"
"""Who holds a batch."""

MOST_IMAGES = 100_000
"""Images that one decision may name; one on a whole batch names none."""

_JOINERS = "\u200c\u200d"
"""Not printable by Python's count, and part of how Persian and Hindi are written."""


def one_line(text: str) -> str:
    """A name or a reason as it is kept: on one line, with single spaces.

    Raises:
        ValueError: it is blank, or holds what cannot be printed.
    """
    line = " ".join(text.split())
    if not line:
        raise ValueError("must not be blank")
    if not all(character.isprintable() or character in _JOINERS for character in line):
        raise ValueError("holds a control character")
    return line


def describe_faults(error: ValidationError) -> str:
    """What is wrong with a person's request, field by field."""
    faults = error.errors()
    inside = {item["loc"][:-1] for item in faults if item["loc"]}
    # Of a list with faulty members pydantic counts the others alone.
    told = [item for item in faults if item["type"] != "too_short" or item["loc"] not in inside]
    return "; ".join(": ".join([*filter(None, [".".join(map(str, item["loc"]))]), _say(item)]) for item in told)


def _say(fault: ErrorDetails) -> str:
    if fault["type"] == "too_short":
        return f"at least {fault['ctx']['min_length']} are needed, not {fault['ctx']['actual_length']}"
    return fault["msg"].removeprefix("Value error, ")


class Action(StrEnum):
    """What a person can decide, and `hold`, by which the pipeline lets a whole batch wait for a person."""

    RELEASE = "release"
    REJECT = "reject"
    RELABEL = "relabel"
    UNDO = "undo"
    HOLD = "hold"


class Proposal(BaseModel):
    """A decision before it is recorded: who wants what, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_id: str = Field(min_length=1, max_length=500)
    action: Action
    image_ids: tuple[str, ...] = Field(default=(), max_length=MOST_IMAGES)
    """The images it is about, in order, each once; empty for the whole batch."""
    label: str | None = None
    """The finding, for relabel alone."""
    undoes: str | None = None
    """Id of the decision that is taken back, for undo alone."""
    who: str = Field(max_length=100)
    why: str = Field(max_length=2000)

    @field_validator("image_ids")
    @classmethod
    def _once(cls, image_ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(image_ids)))

    @field_validator("who", "why")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must not be blank: a decision without a name and a reason helps nobody later")
        return one_line(text)

    @model_validator(mode="after")
    def _fits_action(self) -> Self:
        if (self.label is not None) != (self.action is Action.RELABEL):
            raise ValueError("a finding is given with relabel, and with nothing else")
        if self.label is not None and self.label not in FINDINGS:
            raise ValueError(f"{self.label!r} is none of the findings {', '.join(FINDINGS)}")
        if (self.undoes is not None) != (self.action is Action.UNDO):
            raise ValueError("the decision to take back is given with undo, and with nothing else")
        if self.action is Action.UNDO and self.image_ids:
            raise ValueError("a decision is undone as a whole: name no image")
        if self.action is Action.HOLD and (self.image_ids or self.who != MONITOR):
            raise ValueError(f"{MONITOR} alone holds a batch, and as a whole: release or reject it")
        return self

    def identify(self, token: str) -> str:
        """16 hex digits: a digest of this proposal and of `token`, by which one sent twice is known.

        A reading is held once at most: two monitors that hold it, each in its words, make one decision.
        """
        if self.action is Action.HOLD:
            return hashlib.sha256(f"{Action.HOLD} {self.batch_id}".encode()).hexdigest()[:16]
        content = json.dumps([token, self.model_dump(mode="json", include=set(Proposal.model_fields))], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class Decision(Proposal):
    """A proposal as it was recorded, for ever."""

    id: str = Field(pattern="^[0-9a-f]{16}$")
    when: AwareDatetime
    """UTC; later than every decision that was known when this one was taken."""

    @field_validator("when")
    @classmethod
    def _in_utc(cls, when: datetime) -> datetime:
        return when.astimezone(UTC)


def propose(**fields: Any) -> Proposal:
    """A proposal of these fields.

    Raises:
        InvalidInput: they make none (no reason, another finding, a word too long).
    """
    try:
        return Proposal.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(f"this is no decision: {describe_faults(error)}") from error


def in_order(decisions: Iterable[Decision]) -> list[Decision]:
    """By time, then id; of several records of one decision the first."""
    once: dict[str, Decision] = {}
    for decision in sorted(decisions, key=lambda one: (one.when, one.id)):
        once.setdefault(decision.id, decision)
    return list(once.values())


def standing_decisions(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """The decisions that nobody took back, by id and in order; an undo that was undone itself takes nothing back."""
    standing, undone = [], set()
    for decision in reversed(in_order(decisions)):  # an undo is always later than what it undoes
        if decision.id not in undone:
            standing.append(decision)
            undone.add(decision.undoes)
    return {decision.id: decision for decision in reversed(standing)}


def never_released(rows: pd.DataFrame) -> pd.Series:
    """Why a row can never be released, indexed like `rows` (`COLUMNS`); None where it can."""
    whys = {
        "it cannot be read, so it has no pixels": rows["unreadable"].notna() | rows["shard"].isna(),
        "nobody can say on which side of the split it belongs": rows["patient_id"].isna() | rows["split"].isna(),
        "it is the same file as an image already there": rows["duplicate_kind"].isin(["exact", "contradiction"]),
    }
    found = pd.Series(None, index=rows.index, dtype=object)
    for why, mask in whys.items():
        found[mask & found.isna()] = why
    return found


def refuse_release(rows: pd.DataFrame, image_ids: Collection[str]) -> str | None:
    """Why a release that names these images must not be recorded; None where it may."""
    named = rows[rows["image_id"].isin(image_ids)]
    whys = never_released(named)
    impossible = whys[~named["image_id"].isin(named["image_id"][whys.isna()])]
    if impossible.empty:
        return None
    image = named["image_id"][impossible.index[0]]
    others = named["image_id"][impossible.index].nunique() - 1
    more = f" The same goes for {others} more." if others else ""
    return f"image {image} can never be released: {impossible.iloc[0]}.{more} Nothing was decided."


def refuse_hold(decisions: Iterable[Decision]) -> str | None:
    """Why a batch with these decisions must not be held; None where it may.

    A batch that a person has let in is not put before a person again. Images that were released by name stay in
    whatever the batch comes to, and bar no hold of the others.
    """
    known = in_order(decisions)
    standing = standing_decisions(known)
    released = next((one for one in standing.values() if one.action is Action.RELEASE and not one.image_ids), None)
    if released is not None:
        return f"{released.who} looked at it and released it ({released.id})"
    before = next((one for one in reversed(known) if one.action is Action.HOLD), None)
    if before is None:
        return None
    if before.id in standing:
        return f"it was held for drift before ({before.id})"
    return f"it was held for drift before, and a person took that back ({before.id})"


def carry_decisions(decisions: Iterable[Decision]) -> list[Decision]:
    """Of decisions on one reading of a batch, what concerns the images that they name in another reading.

    A rejection holds there, and a finding: what a person saw in an image is no matter of how the batch was read. A
    release does not, for the other reading may have other reasons; it only takes its images out of the rejections
    before it. Nor does a hold: the other reading is compared anew. Undone ones and their undos are among them, for
    `fold_decisions` to sort out.
    """
    known = in_order(decisions)
    standing = standing_decisions(known)
    carried: list[Decision] = []
    released: set[str] = set()
    for decision in reversed(known):
        named = set(decision.image_ids)
        if decision.action is Action.RELEASE and decision.id in standing:
            released |= named
        if decision.action is Action.REJECT:
            named -= released
        if named or decision.action is Action.UNDO:
            carried.append(decision.model_copy(update={"image_ids": tuple(sorted(named))}))
    return carried[::-1]


def fold_decisions(
    rows: pd.DataFrame, decisions: Iterable[Decision], elsewhere: Iterable[Decision] = ()
) -> pd.DataFrame:
    """What decisions make of one batch's rows.

    A hold lets accepted rows wait, until they are released or it is undone. It counts before all that persons decided,
    whatever its time: one that was recorded while a steward released the batch takes nothing back. Held rows are
    compared with other images as accepted ones are, so that it leaves no time in `decided`.

    A decision that names an image outweighs those on the whole batch, whichever came first: `release one` and
    `reject the batch` mean the same in both orders. Among decisions of one kind the later in (time, id) counts.

    Args:
        rows: all rows of one batch (`COLUMNS`) as the catalog holds them.
        decisions: all decisions on that batch, in any order, those that were undone included.
        elsewhere: all decisions on other readings of the batch, of which `carry_decisions` tells what holds here.

    Returns:
        A frame indexed like `rows`: `status` and `label` as they count now, `decision` (id of the last decision that
        changed the row, or None), and `decided` (datetime64 in UTC: when a release or reject was last about the row,
        undone or not, else NaT: while it was out, no other image was compared with it).
    """
    own = list(decisions)
    known = in_order([*own, *carry_decisions(elsewhere)])
    standing, here = standing_decisions(known), {decision.id for decision in own}
    status, label = (rows[name].to_numpy(object, copy=True) for name in ("status", "label"))
    label[pd.isna(label)] = None
    quarantined, can = status == "quarantined", never_released(rows).isna().to_numpy()
    changed_by: npt.NDArray[np.object_] = np.full(len(rows), None, object)
    decided = np.full(len(rows), "NaT", "datetime64[us]")
    # Stable: in order within each kind.
    for decision in sorted(known, key=lambda one: (bool(one.image_ids), one.action is not Action.HOLD)):
        if decision.action is Action.UNDO:
            continue
        if decision.image_ids:
            about = rows["image_id"].isin(decision.image_ids).to_numpy()
        else:
            about = ~quarantined if decision.action is not Action.RELABEL else np.ones(len(rows), np.bool_)
        if decision.action in {Action.RELEASE, Action.REJECT}:
            decided[about] = np.fmax(decided[about], np.datetime64(decision.when.replace(tzinfo=None), "us"))
        if decision.id not in standing or (decision.action is Action.RELEASE and decision.id not in here):
            continue
        match decision.action:
            case Action.RELEASE:
                changed = about & can & (status != "accepted")
                status[changed] = "accepted"
            case Action.REJECT:
                # `about` leaves quarantined rows out unless they are named: then a person said that they stay out.
                changed = about & (status != REJECTED)
                status[changed] = REJECTED
            case Action.HOLD:
                changed = about & (status == "accepted")
                status[changed] = "held"
            case _:
                changed = about & (label != decision.label)
                label[changed] = decision.label
        changed_by[changed] = decision.id
    changes = pd.Series(changed_by, index=rows.index, dtype=object)
    return pd.DataFrame({"status": status, "label": label, "decision": changes, "decided": decided}, index=rows.index)
