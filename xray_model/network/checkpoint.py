"""Going on with a training that was interrupted: its whole state after an epoch, in one file."""

import json
import logging
import time
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.selection import BestByMinority
from xray_model.outcomes import EpochScore

_log = logging.getLogger(__name__)

EVERY_SECONDS = 20.0
"""Between two writings: a head that learns in seconds is not held up by them."""
MOST_SHARE = 0.05
"""Of the time, for writing: a large network's state goes to the store less often."""

Arrays = dict[str, npt.NDArray[Any]]


class StateFile(Protocol):
    """A file for the state of one training, and how other machines come by it."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def fetch(self) -> None:
        """Bring what another machine left, if any did."""
        ...

    def share(self) -> None:
        """Let other machines have what was written."""
        ...

    def forget(self) -> None:
        """Delete it everywhere."""
        ...


class Checkpoint(keras.callbacks.Callback):
    """Writes the state of a training, and reads it back; the file is there whole or not at all.

    A training that goes on from it ends with the very weights of one that was never interrupted, on one machine.
    """

    def __init__(self, state: StateFile, best: BestByMinority) -> None:
        super().__init__()
        self._state = state
        self._path = state.path
        self._best = best
        self._next = time.monotonic() + EVERY_SECONDS

    def restore(self, model: keras.Model) -> int:
        """Put back what was written, if it fits this compiled model; returns the epoch to begin with, from 0."""
        model.optimizer.build(model.trainable_variables)
        self._state.fetch()
        try:
            with np.load(self._path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            epoch = self._put(model, arrays)
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            _log.warning("%s is no state of this training (%s): it begins anew", self._path.name, error)
            return 0
        _log.info("the training goes on after epoch %d", epoch)
        return epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the state if the last writing is some time ago."""
        del logs
        begun = time.monotonic()
        if begun >= self._next:
            self._write(epoch + 1)
            self._state.share()
            now = time.monotonic()
            self._next = now + max(EVERY_SECONDS, (now - begun) / MOST_SHARE)

    def clear(self) -> None:
        """Forget the state of a training that came to its end."""
        self._state.forget()

    def _write(self, epoch: int) -> None:
        progress = self._best.progress
        told = {
            "epoch": epoch,
            "best_epoch": progress.best_epoch,
            "scores": [score.model_dump() for score in progress.scores],
        }
        arrays = {f"state-{place}": keras.ops.convert_to_numpy(one) for place, one in enumerate(_state(self.model))}
        arrays |= {f"best-{place}": one for place, one in enumerate(progress.best_weights)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as file:
            np.savez(file, told=np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays)
        draft.replace(self._path)

    def _put(self, model: keras.Model, arrays: Arrays) -> int:
        told = json.loads(arrays["told"].tobytes())
        state = _state(model)
        values = [arrays[f"state-{place}"] for place in range(len(state))]
        best = [arrays[f"best-{place}"] for place in range(len(model.get_weights()))]
        wrong = [one.path for one, value in zip(state, values, strict=True) if tuple(one.shape) != value.shape]
        if wrong:
            raise ValueError(f"another shape of {wrong[0]}")
        scores = [EpochScore.model_validate(score) for score in told["scores"]]
        for one, value in zip(state, values, strict=True):
            one.assign(value)
        progress = self._best.progress
        progress.scores[:], progress.best_epoch, progress.best_weights = scores, int(told["best_epoch"]), best
        return int(told["epoch"])


def _state(model: keras.Model) -> list[keras.Variable]:
    """Weights, seeds of dropout, and what the optimiser remembers."""
    return list({id(one): one for one in [*model.variables, *model.optimizer.variables]}.values())
