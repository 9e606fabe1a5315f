"""Batches of newly drawn views for training through the whole network, made in threads while the device is busy."""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from xray_model.config import Augmentation
from xray_model.data.augmentation import make_view
from xray_model.network.feeding import BeginEpochs, NumberedBatches

Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]

_AHEAD = 2
"""Batches made ahead, beside the one that each worker is at."""


@dataclass(frozen=True, slots=True)
class LabelledPixels:
    """The images of the training split."""

    pixels: npt.NDArray[np.uint8]
    """Canonical pixels, uint8 [n, side, side]."""
    image_ids: Sequence[str]
    targets: npt.NDArray[np.intp]
    """Class numbers, int [n]."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one epoch shows: which images in which order, and which view of each."""

    epoch: int
    indices: npt.NDArray[np.intp]
    views: npt.NDArray[np.int64]


class AugmentedBatches(NumberedBatches):
    """Pixels uint8 [batch, side, side, 1] and class numbers int [batch], of the training split alone.

    The batches of an epoch follow from the seed and its number, not from who asks for them, when, or how many workers
    there are. Train with `fit_batches`, which says when an epoch begins.
    """

    def __init__(
        self,
        images: LabelledPixels,
        indices: npt.NDArray[np.intp],
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
        workers: int | None = None,
    ) -> None:
        """Plan the first epoch.

        Args:
            images: of the training split.
            indices: which of them an epoch shows, int [m], as rebalancing chose; an image that stands there twice is
                shown in two views.
            augmentation: how views are drawn.
            batch_size: images in a batch; the last one of an epoch may be smaller.
            seed: of order and views.
            workers: threads that make views; one for each core where None.
        """
        # Keras's own workers would hand over what is left of one epoch in the next.
        super().__init__(workers=1)
        self._images = images
        self._indices = indices
        self._augmentation = augmentation
        self._batch_size = batch_size
        self._seed = seed
        threads = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="views")
        self._ahead = threads + _AHEAD
        self._lock = Lock()
        self._started: dict[int, Future[Batch]] = {}
        self._plan = self._draw(0)

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._indices) // self._batch_size)

    def begin_epoch(self, epoch: int) -> None:
        """Turn to another epoch, counted from 0, and start on its first batches."""
        with self._lock:
            if epoch != self._plan.epoch:
                self._plan = self._draw(epoch)
                self._started.clear()
            self._start(0)

    def __getitem__(self, index: int) -> Batch:
        """One batch of the epoch; the ones after it are started on."""
        with self._lock:
            self._start(index)
            wanted = self._started.pop(index)
        return wanted.result()

    def _start(self, first: int) -> None:
        for index in range(first, min(first + self._ahead, self.num_batches)):
            if index not in self._started:
                self._started[index] = self._pool.submit(self._make, self._plan, index)

    def _draw(self, epoch: int) -> _Plan:
        rng = np.random.default_rng((self._seed, epoch))
        indices = rng.permutation(self._indices)
        return _Plan(epoch, indices, rng.integers(1, 2**31, len(indices)))

    def _make(self, plan: _Plan, index: int) -> Batch:
        span = slice(index * self._batch_size, (index + 1) * self._batch_size)
        chosen, images = plan.indices[span], self._images
        pixels = np.empty((len(chosen), *images.pixels.shape[1:], 1), np.uint8)
        for place, (image, view) in enumerate(zip(chosen.tolist(), plan.views[span].tolist(), strict=True)):
            pixels[place, ..., 0] = make_view(images.pixels[image], images.image_ids[image], view, self._augmentation)
        return pixels, images.targets[chosen]


def fit_batches(
    model: keras.Model, batches: AugmentedBatches, callbacks: Sequence[keras.callbacks.Callback] = (), **arguments: Any
) -> keras.callbacks.History:
    """`model.fit` on batches, in their own order and with new views in every epoch.

    Args:
        model: canonical pixels to probabilities, compiled.
        batches: of the training split.
        callbacks: as for `fit`.
        **arguments: what else `fit` takes: `epochs`, `initial_epoch`, `validation_data`, `class_weight`, `verbose`.
    """
    return model.fit(batches, shuffle=False, callbacks=[BeginEpochs(batches), *callbacks], **arguments)
