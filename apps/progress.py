"""Progress for a person: bars in a terminal, plain lines elsewhere."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TaskID as BarId

from xray_model.progress import LOGGER

_SECONDS_BETWEEN_LINES = 5.0


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
    """A line when a stage ends, and now and then while it lasts."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._last = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        stage, done, total = _position(record)
        if done == total or time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._console.print(f"  {stage}: {done} of {total}", highlight=False)


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
