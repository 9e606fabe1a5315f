"""How far long work is: said by whoever does it, shown by whoever a person looks at."""

import logging

LOGGER = "xray.progress"
_log = logging.getLogger(LOGGER)


def advance(stage: str, done: int, total: int) -> None:
    """Say how far a stage is; the log record carries `stage`, `done` and `total`."""
    _log.info("%s: %d of %d", stage, done, total, extra={"stage": stage, "done": done, "total": total})
