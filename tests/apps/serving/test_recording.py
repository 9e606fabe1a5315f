"""The log behind the answers: nothing lost without being counted, whatever the store does."""

import threading
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from apps.serving.limits import ServiceLimits
from apps.serving.recording import Recorder
from storage.objects import Objects
from storage.scoring_log import append_scores, load_scores
from storage.store import Store
from tests.apps.serving.doubles import PATIENCE
from xray_model.errors import StoreUnavailable

NEVER = 1_000.0


def row(number: int, **changes: Any) -> dict[str, Any]:
    """What is logged of one image."""
    common = {"when": datetime.now(UTC), "version": 1, "run_id": "r", "route": "service", "predicted": "covid"}
    return {**common, "image_id": f"{number:064x}", "p_covid": 0.75, "view": None, **changes}


def logged(store: Store) -> list[int]:
    """The images that are in the log, in their order."""
    today = datetime.now(UTC).date()
    return [int(name, 16) for name in load_scores(store.objects, today, today)["image_id"]]


class Door:
    """The store's door, which a test closes; it tells when somebody has tried."""

    def __init__(self) -> None:
        self.down = False
        self.fails: Exception | None = None
        """Raised once, whatever it is."""
        self.open = threading.Event()
        """Not set, who writes waits."""
        self.open.set()
        self.entered = threading.Semaphore(0)
        self.tried = threading.Semaphore(0)

    def append(self, objects: Objects, table: pd.DataFrame) -> str | None:
        """As `append_scores`."""
        self.entered.release()
        assert self.open.wait(PATIENCE)
        try:
            if self.fails is not None:
                error, self.fails = self.fails, None
                raise error
            if self.down:
                raise StoreUnavailable("no answer")
            return append_scores(objects, table)
        finally:
            self.tried.release()


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """The door of the recorder's store."""
    door = Door()
    monkeypatch.setattr("apps.serving.recording.append_scores", door.append)
    return door


def test_many_rows_are_written_at_once_and_few_in_time(store: Store, door: Door) -> None:
    """A full table does not wait; what is left is written when its time has come, and nothing twice."""
    lost: list[int] = []
    recorder = Recorder(store.objects, ServiceLimits(log_flush=5, log_seconds=NEVER), lost.append)
    for number in range(5):
        recorder.add(row(number))
    assert door.tried.acquire(timeout=PATIENCE)
    assert logged(store) == [0, 1, 2, 3, 4]
    recorder.add(row(5))
    recorder.close()
    assert logged(store) == [0, 1, 2, 3, 4, 5]
    timed = Recorder(store.objects, ServiceLimits(log_seconds=0.05), lost.append)
    timed.add(row(6))
    assert door.tried.acquire(timeout=PATIENCE)
    while not logged(store)[6:]:
        assert door.tried.acquire(timeout=PATIENCE)
    timed.close()
    assert logged(store) == [0, 1, 2, 3, 4, 5, 6]
    assert lost == []


def test_rows_wait_for_a_store_that_is_down(store: Store, door: Door) -> None:
    """They are written when it is back, as many as may wait; what came on top is counted."""
    lost: list[int] = []
    door.down = True
    recorder = Recorder(store.objects, ServiceLimits(log_rows=6, log_flush=3, log_seconds=0.05), lost.append)
    for number in range(8):
        recorder.add(row(number))
    assert door.tried.acquire(timeout=PATIENCE)
    assert lost == [1, 1]
    door.down = False
    recorder.close()
    assert logged(store) == [0, 1, 2, 3, 4, 5]
    assert lost == [1, 1]


def test_what_the_store_does_not_take_in_the_end_is_counted(
    store: Store, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing does not wait for ever for a store that is down."""
    lost: list[int] = []
    door.down = True
    recorder = Recorder(store.objects, ServiceLimits(log_seconds=NEVER), lost.append)
    recorder.add(row(1))
    recorder.add(row(2))
    recorder.close()
    assert lost == [2]
    assert "2 rows of the log of predictions are lost" in caplog.text
    assert logged(store) == []


def test_rows_that_the_log_refuses_hold_no_others_up(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """They are counted and told of without what they hold; later rows are written."""
    lost: list[int] = []
    recorder = Recorder(store.objects, ServiceLimits(log_flush=1, log_seconds=NEVER), lost.append)
    recorder.add(row(1, patient="Doe"))
    while not lost:
        threading.Event().wait(0.005)
    recorder.add(row(2))
    recorder.close()
    assert (lost, logged(store)) == ([1], [2])
    assert "Doe" not in caplog.text


@pytest.mark.parametrize("error", [MemoryError("Doe"), OSError("Doe"), KeyError("Doe")])
def test_no_error_of_the_store_ends_the_log(
    store: Store, door: Door, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """What was lost is counted and told of without what the error says; later rows are written."""
    lost: list[int] = []
    door.fails = error
    recorder = Recorder(store.objects, ServiceLimits(log_flush=2, log_seconds=NEVER), lost.append)
    recorder.add(row(1))
    recorder.add(row(2))
    assert door.tried.acquire(timeout=PATIENCE)
    while not lost:
        threading.Event().wait(0.005)
    recorder.add(row(3))
    recorder.close()
    assert (lost, logged(store)) == ([2], [3])
    assert f"2 rows of the log of predictions are lost: {type(error).__name__}" in caplog.text
    assert "Doe" not in caplog.text


def test_rows_that_come_during_a_write_are_written_after_it(store: Store, door: Door) -> None:
    """A write takes away what it wrote, and no more."""
    lost: list[int] = []
    door.open.clear()
    recorder = Recorder(store.objects, ServiceLimits(log_flush=2, log_seconds=NEVER), lost.append)
    recorder.add(row(1))
    recorder.add(row(2))
    assert door.entered.acquire(timeout=PATIENCE)
    recorder.add(row(3))
    door.open.set()
    recorder.close()
    assert (lost, logged(store)) == ([], [1, 2, 3])
