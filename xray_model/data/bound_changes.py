"""What stewards decided about bounds, and the bounds that are in force after it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from xray_model.data.bounds import DEFAULTS, Bounds
from xray_model.data.decisions import describe_faults, one_line
from xray_model.errors import InvalidInput


class Limits(BaseModel):
    """Both sides of a bound; one that its rule never asks is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: float | None
    high: float | None


class ChangeRequest(BaseModel):
    """A change of bounds before it is recorded: who wants which rules' bounds changed, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codes: tuple[str, ...] = Field(min_length=1)
    """Of the rules it is about, in order, each once."""
    shown: str | None = None
    """`proposing.proposal_id` of what is accepted; None where bounds are put back to those the pipeline starts with."""
    who: str = Field(max_length=100)
    why: str = Field(max_length=2000)

    @field_validator("codes")
    @classmethod
    def _known_once(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(codes).difference(DEFAULTS):
            raise ValueError(f"there is no bound {', '.join(sorted(unknown))}: they are {', '.join(DEFAULTS)}")
        return tuple(sorted(set(codes)))

    @field_validator("who", "why")
    @classmethod
    def _one_line(cls, text: str) -> str:
        return one_line(text)

    def identify(self, token: str) -> str:
        """16 hex digits: a digest of this request and of `token`, by which one sent twice is known."""
        content = json.dumps([token, self.model_dump(mode="json", include=set(ChangeRequest.model_fields))])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class BoundsChange(ChangeRequest):
    """A request as it was recorded, for ever."""

    id: str = Field(pattern="^[0-9a-f]{16}$")
    when: AwareDatetime
    """UTC; later than every change that was known when this one was made."""
    bounds: dict[str, Limits | None]
    """For each of `codes` the bound from then on; None puts it back to the one that the pipeline starts with."""

    @field_validator("when")
    @classmethod
    def _in_utc(cls, when: datetime) -> datetime:
        return when.astimezone(UTC)

    @model_validator(mode="after")
    def _fits_rules(self) -> Self:
        if set(self.bounds) != set(self.codes):
            raise ValueError("it gives bounds of other rules than it names")
        for code, limits in self.bounds.items():
            if limits is not None:
                _check_limits(code, limits)
        return self


@dataclass(frozen=True, slots=True)
class BoundsInForce:
    """The bounds that the next batch is judged by."""

    bounds: Bounds
    id: str | None
    """Of the last change; None where there was none."""


def request_change(**fields: Any) -> ChangeRequest:
    """A request of these fields.

    Raises:
        InvalidInput: they make none (no reason, no such rule).
    """
    try:
        return ChangeRequest.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(f"this is no change of bounds: {describe_faults(error)}") from error


def in_order(changes: Iterable[BoundsChange]) -> list[BoundsChange]:
    """By time, then id; of several records of one change the first."""
    once: dict[str, BoundsChange] = {}
    for change in sorted(changes, key=lambda one: (one.when, one.id)):
        once.setdefault(change.id, change)
    return list(once.values())


def last_changes(changes: Iterable[BoundsChange]) -> dict[str, BoundsChange]:
    """The change that counts for each code that ever had one."""
    return {code: change for change in in_order(changes) for code in change.codes}


def fold_changes(changes: Iterable[BoundsChange]) -> BoundsInForce:
    """The bounds in force after changes, in any order: for each rule the last one that names it counts."""
    known = in_order(changes)
    limits = {code: change.bounds[code] for code, change in last_changes(known).items()}
    bounds = {
        code: default if (new := limits.get(code)) is None else replace(default, low=new.low, high=new.high)
        for code, default in DEFAULTS.items()
    }
    return BoundsInForce(bounds, known[-1].id if known else None)


def _check_limits(code: str, limits: Limits) -> None:
    default = DEFAULTS[code]
    sides = [side for side in (limits.low, limits.high) if side is not None]
    if (limits.low is None, limits.high is None) != (default.low is None, default.high is None):
        raise ValueError(f"the rule {code!r} asks other sides than these")
    least, most = default.possible
    if sides != sorted(set(sides)) or not all(least <= side <= most for side in sides):
        raise ValueError(f"the bound of {code!r} is none that its figure can have")
