"""How far long work is: said by whoever does it, shown by whoever a person looks at."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOGGER = "xray.progress"
_log = logging.getLogger(LOGGER)
_silent: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """What is done within says nothing of how far it is: it is one step of something longer."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def advance(stage: str, done: int, total: int) -> None:
    """Say how far a stage is; the log record carries `stage`, `done` and `total`."""
    if _silent.get():
        return
    _log.info("%s: %d of %d", stage, done, total, extra={"stage": stage, "done": done, "total": total})
