"""What a night does next about a training on another machine: a plain decision over the attempts so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_CRASHES = 3
"""Attempts of one night that may end with their machine: after as many, the training itself is likely to kill it."""


class Fate(StrEnum):
    """What became of an attempt, as far as the server knows."""

    WAITING = "waiting"
    """For a worker: nobody took it, or it was taken and did not begin."""
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    """Its process or its machine ended, and not the training itself."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One flow run of a training: of one snapshot with one set of options."""

    number: int
    """From 1."""
    run_id: str
    fate: Fate
    since: datetime
    """When it came to this; of one that waits, when it was due."""
    heard: datetime | None = None
    """Of one that runs: its last sign of life."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a night waits."""

    for_worker: timedelta
    """Until a worker takes an attempt and begins it."""
    for_life: timedelta
    """Between two signs of life of one that runs."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin an attempt."""

    number: int


@dataclass(frozen=True, slots=True)
class Follow:
    """Wait for an attempt that is under way."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Collect:
    """Take what an attempt handed over, whether it came to an end or to a failure."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Bury:
    """Tell the server that an attempt crashed, and decide again: nobody else notices the end of a whole machine."""

    attempt: Attempt
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Call the training failed, and take back an attempt that still waits."""

    attempt: Attempt
    reason: str


Step = Begin | Follow | Collect | Bury | GiveUp


def next_step(
    attempts: Sequence[Attempt], began: datetime, now: datetime, answered: datetime, patience: Patience
) -> Step:
    """Decide what to do.

    An attempt that ended before this night began is followed by another: the night asks for a training because none was
    decided on. One that is under way is followed whoever began it, so that a night that is started again trains nothing
    twice.

    Args:
        attempts: those of this training, in order.
        began: when this night began.
        now: the time.
        answered: since when the server answers without a gap; it hears no sign of life in one.
        patience: how long to wait.
    """
    if not attempts:
        return Begin(1)
    last = attempts[-1]
    if last.fate is Fate.WAITING:
        return _wait(last, began, now, patience)
    if last.fate is Fate.RUNNING:
        return _listen(last, now, answered, patience)
    return Begin(last.number + 1) if last.since < began else _after(attempts, began)


def _wait(last: Attempt, began: datetime, now: datetime, patience: Patience) -> Step:
    if now - max(last.since, began) <= patience.for_worker:
        return Follow(last)
    minutes = patience.for_worker.total_seconds() / 60
    return GiveUp(last, f"No worker began it within {minutes:g} minutes (XRAY_GPU_WAIT_MINUTES).")


def _listen(last: Attempt, now: datetime, answered: datetime, patience: Patience) -> Step:
    silent = now - max(last.since, last.heard or last.since, answered)
    if silent <= patience.for_life:
        return Follow(last)
    return Bury(last, f"Nothing was heard of it for {silent.total_seconds():.0f} s: its worker was killed or lost.")


def _after(attempts: Sequence[Attempt], began: datetime) -> Step:
    """What follows on an attempt that ended in this night."""
    last = attempts[-1]
    if last.fate is Fate.CANCELLED:
        return GiveUp(last, "It was cancelled on the Prefect server.")
    if last.fate is not Fate.CRASHED:
        return Collect(last)
    crashed = sum(attempt.fate is Fate.CRASHED and attempt.since >= began for attempt in attempts)
    if crashed < MOST_CRASHES:
        return Begin(last.number + 1)
    return GiveUp(last, f"Its machine or process ended in each of {crashed} attempts: look at the worker's log.")
