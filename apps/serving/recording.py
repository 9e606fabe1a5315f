"""The log of predictions, written behind the answers: who asks waits neither for the store nor for its failures."""

import logging
from collections.abc import Callable, Mapping
from threading import Condition, Thread
from typing import Any, TypeAlias

import pandas as pd

from apps.serving.limits import ServiceLimits
from storage.objects import Objects
from storage.scoring_log import append_scores
from xray_model.errors import StoreUnavailable, XrayError

Row: TypeAlias = Mapping[str, Any]
"""Of the log of predictions: see `append_scores`."""

_CLOSE_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Recorder:
    """Rows that wait for the store, and the thread that writes them: soon, or at once where there are many.

    While the store does not answer they go on waiting, as many as may; what comes on top is lost.
    """

    def __init__(self, objects: Objects, limits: ServiceLimits, lost: Callable[[int], None]) -> None:
        """Start the thread; `lost` is called with how many rows were lost, from any thread."""
        self._objects, self._limits, self._lost = objects, limits, lost
        self._rows: list[Row] = []
        self._changed = Condition()
        self._closed = self._failed = False
        self._dropped = 0
        """Rows lost since that was last told of."""
        self._thread = Thread(target=self._work, name="xray-log", daemon=True)
        self._thread.start()

    def add(self, row: Row) -> None:
        """Let a row be written."""
        with self._changed:
            full = len(self._rows) >= self._limits.log_rows
            if full:
                self._dropped += 1
            else:
                self._rows.append(row)
            if len(self._rows) >= self._limits.log_flush:
                self._changed.notify()
        if full:
            self._lost(1)

    def close(self) -> None:
        """Write what waits, and stop; what the store does not take within ten seconds is lost."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_CLOSE_SECONDS)
        if self._rows:
            _log.error("%d rows of the log of predictions are lost: the store did not take them", len(self._rows))
            self._lost(len(self._rows))

    def _work(self) -> None:
        closed = False
        while not closed:
            with self._changed:
                self._changed.wait_for(self._is_due, self._limits.log_seconds)
                closed, rows, dropped = self._closed, self._rows[:], self._dropped
                self._dropped = 0
            if dropped:
                _log.error("%d rows of the log of predictions are lost: too many wait for the store", dropped)
            self._failed = not self._write(rows)

    def _is_due(self) -> bool:
        # A store that has just failed is asked again when the time is up, and not for every row.
        return self._closed or (len(self._rows) >= self._limits.log_flush and not self._failed)

    def _write(self, rows: list[Row]) -> bool:
        """Write rows and forget them; False where the store does not answer, so that they wait on."""
        try:
            append_scores(self._objects, pd.DataFrame(rows))
        except StoreUnavailable as error:
            _log.warning("%d rows of the log of predictions wait: %s", len(rows), error)
            return False
        except Exception as error:  # noqa: BLE001 - the thread lives for later rows
            # Of an error of another kind nobody knows what of the rows stands in it.
            why = error if isinstance(error, XrayError) else type(error).__name__
            _log.error("%d rows of the log of predictions are lost: %s", len(rows), why)
            self._lost(len(rows))
        with self._changed:
            del self._rows[: len(rows)]
        return True
