"""Supervision: starting processes, starting again what dies, and stopping all in order."""

import asyncio
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from apps.up.family import MARK, Patience, end_marked
from apps.up.logs import last_lines, open_log, turn_over

_LOOK_SECONDS = 0.3
_LOG_SECONDS = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """A process that is kept running."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] = _at_once
    """Whether it does its work."""
    needs: Callable[[], bool] = _at_once
    """Whether it can be started: what it talks to answers."""
    essential: bool = True
    """Whether all is stopped where it cannot be kept up."""
    ended_last: bool = False
    """Whether what it started is asked to end before itself."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """When a process is started again, and when it is given up; in seconds."""

    first_delay: float = 1.0
    longest_delay: float = 60.0
    fast: float = 60.0
    """A life shorter than this counts as a fast death."""
    most_fast: int = 5
    """Fast deaths in a row after which it is given up; each doubles the delay."""
    ready: float = 240.0
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Place:
    """Where processes run."""

    mark: str
    """Tells the processes of this run from all others; ends with `/`."""
    folder: Path
    logs: Path
    environment: Mapping[str, str]


class Supervisor:
    """Runs services until a signal, or until something essential is given up."""

    def __init__(self, place: Place, tell: Callable[[str], None], policy: Policy | None = None) -> None:
        self._place, self._tell, self._policy = place, tell, policy or Policy()
        self._over, self._hurry = asyncio.Event(), Event()
        self._leaders: dict[str, int] = {}
        self._given_up: set[str] = set()
        self._failed = False

    async def supervise(
        self,
        ranks: Sequence[Sequence[Service]],
        then: Mapping[str, tuple[str, ...]],
        begun: Callable[[], None] = lambda: None,
    ) -> int:
        """Start everything, each as soon as what it needs answers; keep it up; and stop one rank after the other.

        Args:
            ranks: what is to run, in the opposite of the order in which it is stopped.
            then: commands by name, which must end well, one after the other, once all services are ready.
            begun: called once that is done.

        Returns:
            0 after a signal, 1 where something could not be kept up.
        """
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup does
                loop.add_signal_handler(number, self._stop)
        services = [service for rank in ranks for service in rank]
        with _guarded(self._place):
            keepers = [
                loop.create_task(self._turn_logs_over()),
                *(loop.create_task(self._keep(one)) for one in services),
            ]
            for keeper in keepers:
                keeper.add_done_callback(self._notice)
            if await self._are_ready(services) and await self._are_done(then):
                begun()
            await self._over.wait()
            for rank in reversed(ranks):
                await asyncio.gather(*(self._end(one.name, leader_last=one.ended_last) for one in rank))
            await self._end(None)
            await asyncio.gather(*keepers)
        return int(self._failed)

    def _stop(self) -> None:
        """Stop everything; the second time at once."""
        if self._over.is_set():
            self._hurry.set()
            return
        self._over.set()
        self._tell("Stopping: the workers first, then the rest. Once more kills what is left.")

    def _notice(self, keeper: "asyncio.Task[None]") -> None:
        """Stop everything where a keeper fails itself, as on a full disk; its error is raised in the end."""
        if not keeper.cancelled() and keeper.exception() is not None:
            self._over.set()

    async def _are_ready(self, services: Sequence[Service]) -> bool:
        for service in services:

            def settled(service: Service = service) -> bool:
                return service.name in self._given_up or service.ready()

            if not await self._until(settled, self._policy.ready) and not self._over.is_set():
                self._fail(service.name, f"does not answer after {self._policy.ready:.0f} s", stops=service.essential)
        return not self._over.is_set()

    async def _are_done(self, commands: Mapping[str, tuple[str, ...]]) -> bool:
        for name, command in commands.items():
            code = await self._run(name, command, {})
            if code and not self._over.is_set():
                self._fail(name, f"failed with exit code {code}", stops=True)
            if self._over.is_set():
                return False
        return True

    async def _keep(self, service: Service) -> None:
        policy, fast = self._policy, 0
        while await self._until(service.needs, math.inf):
            begun = time.monotonic()
            code = await self._run(service.name, service.command, service.environment)
            if self._over.is_set():
                return
            await self._end(service.name)  # what it started and did not take with it
            lasted = time.monotonic() - begun
            fast = fast + 1 if lasted < policy.fast else 0
            if fast == policy.most_fast:
                words = f"ended {fast} times within {policy.fast:.0f} s of its start, and is given up"
                self._given_up.add(service.name)
                self._fail(service.name, words, stops=service.essential)
                return
            delay = min(policy.first_delay * 2 ** max(0, fast - 1), policy.longest_delay)
            self._tell(f"{service.name} ended with {_told(code)}; it is started again in {delay:.0f} s.")
            await self._pause(delay)

    async def _run(self, name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> int:
        with open_log(self._log(name)) as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._place.folder,
                env={**self._place.environment, **environment, MARK: self._mark(name)},
                start_new_session=True,  # Ctrl-C is for the supervisor alone, which stops them in order
            )
        self._leaders[name] = process.pid
        if self._over.is_set():
            await self._end(name)
        code = await process.wait()
        self._leaders.pop(name)
        return code

    async def _end(self, name: str | None, *, leader_last: bool = False) -> None:
        mark, leader = (self._mark(name), self._leaders.get(name)) if name else (self._place.mark, None)
        patience = self._policy.patience
        await asyncio.to_thread(end_marked, mark, leader, patience, self._hurry, leader_last=leader_last)

    def _fail(self, name: str, words: str, *, stops: bool) -> None:
        path = self._log(name)
        self._tell(f"{name} {words}. Its log {path} ends with:\n{last_lines(path)}")
        self._failed = True
        if stops:
            self._over.set()

    async def _turn_logs_over(self) -> None:
        while not self._over.is_set():
            for path in self._place.logs.glob("*.log"):
                turn_over(path)
            await self._pause(_LOG_SECONDS)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether something became so in time, before all is stopped."""
        end = time.monotonic() + seconds
        while not self._over.is_set() and time.monotonic() < end:
            if await asyncio.to_thread(condition):
                return not self._over.is_set()
            await self._pause(_LOOK_SECONDS)
        return False

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def _mark(self, name: str) -> str:
        return f"{self._place.mark}{name}/"

    def _log(self, name: str) -> Path:
        return self._place.logs / f"{name}.log"


@contextmanager
def _guarded(place: Place) -> Iterator[None]:
    """Run a process beside the supervisor that ends the others where the supervisor is killed itself."""
    guard = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "apps.up.guard", place.mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=place.folder,
        start_new_session=True,
    )
    try:
        yield
    finally:
        guard.communicate()


def _told(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"
