"""Running a service for a test, asking it, and checking what it answers."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from apps.serving.service import Answered, PredictionService, Refused, ServiceLimits
from storage.registry import Registry
from storage.scoring_log import load_scores
from storage.settings import Settings
from storage.store import Store
from tests.apps.serving.doubles import PATIENCE, SIDE, FakeSource, says

LIMITS = ServiceLimits(poll_seconds=0.01, batch=4, waiting=12, explanations=2)


@contextmanager
def serving(
    store: Store, source: FakeSource, limits: ServiceLimits = LIMITS, *, version: int | None = 1
) -> Iterator[PredictionService]:
    """A service that a version answers in, closed in the end."""
    service = PredictionService(store.objects, Registry(Settings()), SIDE, store.spool.parent, limits, source)
    service.start()
    try:
        if version is not None:
            wait_until(lambda: answers_with(service) == version)
        yield service
    finally:
        source.go.set()
        service.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def answers_with(service: PredictionService) -> int | None:
    """The version in service."""
    model = service.state().model
    return None if model is None else model.version


def ask(
    service: PredictionService, *files: bytes, explain: bool = False, record: bool = True
) -> list[Answered | Refused]:
    """The answers to some files."""
    return asyncio.run(service.answer(files, explain=explain, record=record))


def check_answer(answer: Answered | Refused, gray: int) -> int:
    """That an answer is to a picture of this gray and truly from the model that it names, whose version it gives."""
    assert isinstance(answer, Answered)
    assert int(answer.pixels[-1, -1]) == gray
    version = answer.model.version
    assert answer.prediction.version == version
    assert answer.prediction.snapshot_id == f"s{version}"
    assert answer.prediction.probabilities["covid"] == says(version, answer.pixels)
    assert answer.prediction.label == ("covid" if answer.prediction.probabilities["covid"] > 0.5 else "normal")
    return version


def load_log(store: Store) -> list[str]:
    """The images in the log of today."""
    today = datetime.now(UTC).date()
    return [*load_scores(store.objects, today, today)["image_id"]]
