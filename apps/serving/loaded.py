"""A model in memory, with the queues before it."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from apps.serving.batching import Batcher
from apps.serving.limits import ServiceLimits
from xray_model.evaluation.sight import Sight
from xray_model.outcomes import ServedModel

if TYPE_CHECKING:
    from xray_model.network.predictor import Predictor

Pixels: TypeAlias = npt.NDArray[np.uint8]
Heat: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """What a model makes of one image."""

    probabilities: npt.NDArray[np.float32]
    """[classes]"""
    predicted: str | None
    """None where a probability is not a number."""
    coordinates: npt.NDArray[np.float32]
    """[axes] of the embedding on those of the model's reference; empty where there is none yet."""
    strange: bool
    """Whether the image is unlike those that the model was trained on."""


class LoadedModel:
    """A predictor that one thread at a time asks, and two queues: one for answers, one for heat maps."""

    def __init__(
        self,
        model: ServedModel,
        predictor: "Predictor",
        limits: ServiceLimits,
        on_batch: Callable[[int], object],
    ) -> None:
        """Start the threads; `on_batch` is told the size of every batch."""
        self.model = model
        """May be replaced by one of the same file: it may come into service again."""
        self.sure = datetime.now(UTC)
        """When the ledger was last seen to name it; the keeper sets it."""
        self.sight = Sight()
        """Replaced once more is known."""
        self.users = 0
        """Requests that hold it; the keeper counts them."""
        self._predictor, self._most, self._on_batch = predictor, limits.batch, on_batch
        self._asking = Lock()
        self._answers: Batcher[Pixels, ImageAnswer] = Batcher(
            self._answer, limits.batch, limits.waiting, f"xray-answer-{model.version}"
        )
        self._maps: Batcher[tuple[Pixels, str], Heat] = Batcher(
            self._explain, 1, limits.explanations, f"xray-explain-{model.version}"
        )

    @property
    def waiting(self) -> int:
        """Images that no batch has taken yet."""
        return self._answers.waiting + self._maps.waiting

    def answer(self, pixels: Pixels) -> Future[ImageAnswer]:
        """Let canonical pixels [side, side] be answered; raises as `Batcher.submit`."""
        return self._answers.submit(pixels)

    def explain(self, pixels: Pixels, class_name: str) -> Future[Heat]:
        """Let a heat map [side, side] be made of what speaks for a class; raises as `Batcher.submit`."""
        return self._maps.submit((pixels, class_name))

    def warm_up(self) -> None:
        """Answer batches of every size once, between those of requests: the first of a size takes far longer."""
        size = 1
        while size <= self._most:
            with self._asking:
                self._predictor.warm_up((size,))
            size *= 2

    def close(self) -> None:
        """Take nothing more; the threads end when nothing waits."""
        self._answers.close()
        self._maps.close()

    def join(self, seconds: float) -> bool:
        """Wait for the end after `close`; False where a batch still runs by then."""
        return all([self._answers.join(seconds), self._maps.join(seconds)])

    def _answer(self, images: Sequence[Pixels]) -> list[ImageAnswer]:
        self._on_batch(len(images))
        with self._asking:
            found = self._predictor.answer(np.stack(images))
        sight = self.sight
        coordinates, strange = sight.place(found.embedding), sight.find_strange(found.embedding)
        return [
            ImageAnswer(
                found.probabilities[place].copy(),  # and not a view, which would keep the whole batch
                found.predicted[place],
                coordinates[place].copy(),
                bool(strange[place]),
            )
            for place in range(len(images))
        ]

    def _explain(self, asked: Sequence[tuple[Pixels, str]]) -> list[Heat]:
        with self._asking:
            return [self._predictor.explain(pixels[None], class_name)[0] for pixels, class_name in asked]
