"""Batches whose order follows from the seed and the epoch's number, so that a resumed training goes on as it would."""

import math
from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.samples import Features

Floats = npt.NDArray[np.float32]


class NumberedBatches(keras.utils.PyDataset, ABC):
    """Batches of an epoch that was begun by its number."""

    @abstractmethod
    def begin_epoch(self, epoch: int) -> None:
        """Turn to another epoch, counted from 0."""


class ShuffledBatches(NumberedBatches):
    """Every image once in an epoch, in an order of its own."""

    def __init__(self, features: Features, targets: Floats, weights: Floats | None, batch_size: int, seed: int) -> None:
        """Take features float [n, ...], targets float32 [n, classes] and weights float32 [n], or None."""
        super().__init__()
        self._arrays = (features, targets) if weights is None else (features, targets, weights)
        self._batch_size = batch_size
        self._seed = seed
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch."""
        self._order = np.random.default_rng((self._seed, epoch)).permutation(len(self._arrays[0]))

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._batch_size)

    def __getitem__(self, batch: int) -> tuple[npt.NDArray[Any], ...]:
        """Features, targets and weights of one batch; the last may be smaller."""
        chosen = self._order[batch * self._batch_size : (batch + 1) * self._batch_size]
        return tuple(array[chosen] for array in self._arrays)


class BeginEpochs(keras.callbacks.Callback):
    """Tells batches which epoch begins."""

    def __init__(self, batches: NumberedBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Before Keras asks for the first batch."""
        del logs
        self._batches.begin_epoch(epoch)
