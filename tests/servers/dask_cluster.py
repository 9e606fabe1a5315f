"""A Dask scheduler and its workers on loopback, as an operator starts them: processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 90.0
_END_SECONDS = 20.0


@dataclass(frozen=True)
class DaskCluster:
    """A running cluster."""

    address: str
    """Of its scheduler, `tcp://127.0.0.1:port`."""
    workers: tuple["subprocess.Popen[bytes]", ...]


@contextmanager
def dask_cluster(folder: Path, environment: Mapping[str, str], workers: int = 2) -> Iterator[DaskCluster]:
    """Start a scheduler and workers of one thread each, and end them afterwards.

    Args:
        folder: for their files and logs.
        environment: of the workers, beside this process's own.
        workers: how many.

    Raises:
        TimeoutError: the scheduler did not start.
    """
    folder.mkdir(parents=True)
    place = folder / "scheduler.json"
    with ExitStack() as running:
        scheduler = (
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(place),
        )
        running.enter_context(_process(scheduler, folder / "scheduler.log", {}))
        address = _address(place)
        worker = ("worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
        started = [
            running.enter_context(
                _process((*worker, "--local-directory", str(folder)), folder / f"{number}.log", environment)
            )
            for number in range(workers)
        ]
        yield DaskCluster(address, tuple(started))


@contextmanager
def _process(
    command: tuple[str, ...], log: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    whole = {**os.environ, **environment, "PYTHONPATH": str(_ROOT)}
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [sys.executable, "-m", "dask", *command], cwd=log.parent, env=whole, stdout=told, stderr=told
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(place: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if place.exists() and (text := place.read_text()):
            address: str = json.loads(text)["address"]
            return address
        time.sleep(0.1)
    raise TimeoutError(f"the Dask scheduler did not start within {_START_SECONDS:.0f} s")
