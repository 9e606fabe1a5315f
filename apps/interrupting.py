"""Ending a flow of this process when a person interrupts it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType

import psutil

PATIENCE = 5.0
"""Seconds between an interrupt and the end of a process that does not end by itself."""
_EXIT_CODE = 128 + signal.SIGINT


@contextmanager
def ending_on_interrupt() -> Iterator[None]:
    """Let the first Ctrl-C end what runs within five seconds, and the second one at once.

    A terminal interrupts Prefect's embedded server as well, and Prefect would try for minutes to tell it of the
    interrupted run, in the flow and again when Python ends. Nothing is lost by an end in the middle: every step of a
    flow can be killed and done again. Only for the main thread.
    """
    end = Timer(PATIENCE, _end)
    end.daemon = True

    def interrupt(_: int, __: FrameType | None) -> None:
        if end.ident is not None:
            _end()
        sys.stderr.write("\nxray: stopping; the next run goes on from what is done. Ctrl-C again stops at once.\n")
        end.start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if end.ident is None:
            signal.signal(signal.SIGINT, before)


def _end() -> None:
    """End this process and those that it began, such as Prefect's server."""
    for child in psutil.Process().children(recursive=True):
        child.terminate()
    os._exit(_EXIT_CODE)
