"""How long each stage of a flow takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from xray_model.outcomes import StageTime


@contextmanager
def measure(name: str, stages: list[StageTime]) -> Iterator[None]:
    """Append how long the context lasted, also where it ends by an exception."""
    began = time.monotonic()
    try:
        yield
    finally:
        stages.append(StageTime(name=name, seconds=round(time.monotonic() - began, 3)))
