"""Progress for a person: bars in a terminal, plain lines elsewhere."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import TaskID as BarId

from xray_model.progress import LOGGER

_SECONDS_BETWEEN_LINES = 5.0
_MINUTE = 60


class _Bars(logging.Handler):
    """One bar per stage, in the order in which the stages begin."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self._progress = progress
        self._bars: dict[str, BarId] = {}

    def emit(self, record: logging.LogRecord) -> None:
        stage, done, total = _position(record)
        if stage not in self._bars or self._progress.tasks[self._bars[stage]].finished:
            self._bars[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._bars[stage], completed=done, total=total)


class _Lines(logging.Handler):
    """A line when a stage ends, and now and then while it lasts, with an estimate of what is left."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._last = time.monotonic()
        self._begun: dict[str, tuple[float, int]] = {}
        """When each running stage was first heard of, and how far it was then."""

    def emit(self, record: logging.LogRecord) -> None:
        stage, done, total = _position(record)
        now = time.monotonic()
        if done <= self._begun.get(stage, (now, done))[1]:  # it begins, or begins again after it was given up
            self._begun[stage] = now, done
        started, first = self._begun[stage]
        if done == total:
            del self._begun[stage]
        if done == total or now - self._last > _SECONDS_BETWEEN_LINES:
            self._last = now
            left = say_left(now - started, done - first, total - done)
            self._console.print(f"  {stage}: {done} of {total}{left}", highlight=False)


def say_left(seconds: float, done: int, left: int) -> str:
    """`, about 40 s left` where so many took so many seconds; nothing where that says nothing, or nothing is left."""
    if done <= 0 or left <= 0:
        return ""
    estimate = seconds * left / done
    words = f"{estimate:.0f} s" if estimate < _MINUTE else f"{estimate / _MINUTE:.0f} min"
    return f", about {words} left"


@contextmanager
def show_progress(console: Console) -> Iterator[None]:
    """Show what the stages say of themselves for as long as the context lasts."""
    logger = logging.getLogger(LOGGER)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        handler: logging.Handler = _Bars(progress) if console.is_terminal else _Lines(console)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


def _position(record: logging.LogRecord) -> tuple[str, int, int]:
    values = record.__dict__
    return str(values["stage"]), int(values["done"]), int(values["total"])
