"""Batches shown in newly drawn views, made in threads while the device is busy."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from xray_model.config import Augmentation
from xray_model.data.augmentation import make_view
from xray_model.network.feeding import NumberedBatches

Batch = tuple[npt.NDArray[Any], ...]

_AHEAD = 2
"""Batches made ahead, beside the one that each worker is at."""


class AugmentedBatches(NumberedBatches):
    """Other batches of canonical pixels, uint8 [batch, side, side, 1], each image in a view that comes once.

    The views of an epoch follow from the seed and its number, not from who asks for them, when, or how many workers
    there are.
    """

    def __init__(
        self, images: NumberedBatches, augmentation: Augmentation, seed: int, workers: int | None = None
    ) -> None:
        """Begin with the first epoch.

        Args:
            images: whose batches are shown, rebalanced and in their order: of the training split alone.
            augmentation: how views are drawn.
            seed: of the views.
            workers: threads that make views; one for each core where None.
        """
        # Keras's own workers would hand over what is left of one epoch in the next.
        super().__init__(workers=1)
        self._images = images
        self._augmentation = augmentation
        self._seed = seed
        threads = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="views")
        self._ahead = threads + _AHEAD
        self._lock = Lock()
        self._started: dict[int, Future[Batch]] = {}
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._images)

    def begin_epoch(self, epoch: int) -> None:
        """Turn to another epoch, counted from 0, and start on its first batches."""
        with self._lock:
            if epoch != self._epoch:
                for started in self._started.values():
                    started.cancel()
                self._started.clear()
                self._images.begin_epoch(epoch)
                self._epoch = epoch
            self._start(0)

    def __getitem__(self, index: int) -> Batch:
        """One batch of the epoch; the ones after it are started on."""
        with self._lock:
            self._start(index)
            wanted = self._started.pop(index)
        return wanted.result()

    def _start(self, first: int) -> None:
        for index in range(first, min(first + self._ahead, len(self))):
            if index not in self._started:
                # Taken out here: the images may turn to another epoch while a worker is at this one.
                self._started[index] = self._pool.submit(self._make, self._images[index], self._epoch, index)

    def _make(self, batch: Batch, epoch: int, index: int) -> Batch:
        pixels, *rest = batch
        numbers = np.random.default_rng((self._seed, epoch, index)).integers(1, 2**31, len(pixels)).tolist()
        views = [
            make_view(image[..., 0], str(place), number, self._augmentation)
            for place, (image, number) in enumerate(zip(pixels, numbers, strict=True))
        ]
        return np.stack(views)[..., None], *rest
