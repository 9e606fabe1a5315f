"""How many pixels may be decoded at a time, whatever the number of threads: each can take 8 bytes while it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class PixelBudget:
    """Lets pictures in as long as their pixels together stay within a total, and any picture alone."""

    def __init__(self, total: int, *, free: int) -> None:
        """A budget of `total` pixels; pictures of up to `free` pixels are let in without being counted."""
        self._total, self._free, self._held = total, free, 0
        self._changed = Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for a picture, and keep it inside the block."""
        if pixels <= self._free:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + pixels <= self._total)
            self._held += pixels
        try:
            yield
        finally:
            with self._changed:
                self._held -= pixels
                self._changed.notify_all()
