"""The processes of one `xray up`: found by a mark in their environment, which all their descendants inherit.

Prefect starts flow runs in sessions of their own, and MLflow has several processes, so neither groups nor the parents
of processes would find them all.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

import psutil

MARK = "XRAY_UP"
_LOOK_SECONDS = 0.2
_KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long processes are waited for once they were asked to end, in seconds."""

    leader: float = 15.0
    """The process that was started."""
    others: float = 30.0
    """Those that it started: a flow run tells the server that it was broken off."""


def find_marked(mark: str) -> list[psutil.Process]:
    """Living processes of this user whose mark begins with `mark`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK, "").startswith(mark):
                found.append(process)
    return found


def end_marked(mark: str, leader: int | None, patience: Patience, hurry: Event, *, leader_last: bool = False) -> None:
    """End all processes with a mark: first the leader is asked, then whatever is left, and what stays is killed.

    Args:
        mark: the beginning of their mark.
        leader: process that was started, and started the others; None where it is gone.
        patience: how long each is waited for.
        hurry: once set, nothing is waited for any more.
        leader_last: ask the others first. A Prefect worker that is asked kills its flow runs, and the server goes on
            believing that they run.
    """
    steps = [(False, patience.others), (None, patience.leader)]
    if not leader_last:
        steps = [(True, patience.leader), (None, patience.others)]
    for leads, seconds in steps:

        def find_asked(leads: bool | None = leads) -> list[psutil.Process]:
            return [one for one in find_marked(mark) if leads is None or leads == (one.pid == leader)]

        _send(signal.SIGTERM, find_asked())
        _wait_until_gone(find_asked, seconds, hurry)
    end = time.monotonic() + _KILL_SECONDS
    while (left := find_marked(mark)) and time.monotonic() < end:
        _send(signal.SIGKILL, left)
        time.sleep(_LOOK_SECONDS)


def _send(number: signal.Signals, processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _wait_until_gone(find: Callable[[], list[psutil.Process]], seconds: float, hurry: Event) -> None:
    end = time.monotonic() + seconds
    while find() and time.monotonic() < end and not hurry.wait(_LOOK_SECONDS):
        pass
