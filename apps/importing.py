"""Importing large libraries faster."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (200_000, 20, 20)
_before: list[tuple[int, int, int]] = []
"""Thresholds to go back to, one for each context that is open. All share them: of two threads either may end first."""


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let the garbage collector come seldom, which looks through the modules that are being imported again and again.

    TensorFlow, MLflow and the console take a fifth less time to import so. It still comes, for the context may last
    while a store is waited for.
    """
    _before.append(gc.get_threshold())
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*_before.pop())
