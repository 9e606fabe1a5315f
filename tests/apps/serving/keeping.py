"""A keeper of the champion at work, and what it has come to."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.serving.champion import ChampionKeeper
from apps.serving.kept import KeptModel
from apps.serving.limits import ServiceLimits
from tests.apps.serving.doubles import PATIENCE, SIDE, FakeSource

LIMITS = ServiceLimits(poll_seconds=0.01, patience_seconds=0.3)


@contextmanager
def keeping(source: FakeSource, folder: Path, limits: ServiceLimits = LIMITS) -> Iterator[ChampionKeeper]:
    """A keeper at work, closed in the end."""
    keeper = ChampionKeeper(source, KeptModel(folder, "file:///store"), SIDE, limits, lambda _: None)
    keeper.start()
    try:
        yield keeper
    finally:
        source.go.set()
        source.warms.set()
        source.answers.set()
        keeper.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def serves(keeper: ChampionKeeper, version: int, *, sure: bool = True) -> Callable[[], bool]:
    """Whether a version is in service, and nothing speaks against it."""

    def check() -> bool:
        state = keeper.state()
        return bool(state.ready and state.model and state.model.version == version and sure == (not state.reason))

    return check
