"""Driving ingests in processes of their own, as schedulers do: to kill one, and to run two at once.

A process is forked from one that has imported what an ingest needs, so that all of its time is work.
"""

import os
import shutil
import sys
import time
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.ingest import ingest
from flows.running import run_flow
from storage.objects import Objects
from storage.settings import Settings
from storage.store import open_store
from xray_model.config import IngestOptions
from xray_model.outcomes import BatchOutcome

LASTING = ("catalog/", "shards/")
"""What an ingest leaves in the store for ever."""

_ROOT = str(Path(__file__).resolve().parents[2])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)  # pytest imports this module without it; a new process takes this path over and needs it

_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["flows.ingest", "flows.running", "expectations.running"])
_START_SECONDS = 120.0
_LONGEST_SECONDS = 600.0


class IngestProcess:
    """One ingest of the store that the environment names, begun when the constructor returns."""

    def __init__(self, options: IngestOptions) -> None:
        """Start it at the Prefect server that is in use here."""
        self._answers, child = _PROCESSES.Pipe(duplex=False)
        arguments = (dict(os.environ), PREFECT_API_URL.value(), options, child)
        self._process = _PROCESSES.Process(target=_run, args=arguments)
        self._process.start()
        child.close()
        if not self._answers.poll(_START_SECONDS):
            self._process.kill()
            raise TimeoutError(f"the ingest's process did not begin within {_START_SECONDS} s")
        self._answers.recv()
        self._begun = time.monotonic()

    def kill_at(self, moment: float) -> bool:
        """SIGKILL it `moment` seconds after it began; False where it had ended by then (EOFError where by a crash)."""
        if self._answers.poll(max(0.0, self._begun + moment - time.monotonic())):
            self.result()
            return False
        self._process.kill()
        self._process.join()
        self._answers.close()
        return True

    def result(self) -> tuple[BatchOutcome, ...]:
        """What it came to; EOFError where it crashed (its traceback is on stderr)."""
        if not self._answers.poll(_LONGEST_SECONDS):
            self._process.kill()
            raise TimeoutError(f"an ingest did not end within {_LONGEST_SECONDS} s")
        told: tuple[BatchOutcome, ...] = self._answers.recv()
        self._process.join()
        self._answers.close()
        return told


def lasting_contents(objects: Objects) -> dict[str, bytes]:
    """Every object of the catalog and the shards, byte for byte."""
    keys = [info.key for prefix in LASTING for info in objects.list(prefix)]
    return {key: data for key, data in objects.get_many(keys) if isinstance(data, bytes)}


def only_landed() -> None:
    """Take the environment's store back to where only the senders have written."""
    store = open_store(Settings())
    for info in list(store.objects.list()):
        if not info.key.startswith(("incoming/", "store.json")):
            store.objects.delete(info.key)
    shutil.rmtree(store.spool, ignore_errors=True)


def _run(environment: Mapping[str, str], api: str, options: IngestOptions, answers: Connection) -> None:
    import expectations.running  # noqa: F401 - heavy, so that it is not part of the work

    os.environ.clear()
    os.environ.update(environment)
    with temporary_settings({PREFECT_API_URL: api}):
        answers.send(None)
        answers.send(run_flow(ingest, options))
