"""One model's answers to files of any kind: read, examined, predicted, and checked against what the model knows."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from storage.objects import Objects
from storage.references import load_reference
from storage.scoring.images import File
from xray_model.data.bounds import Bound
from xray_model.data.examining import Examined, examine_image
from xray_model.data.image_rules import find_warnings
from xray_model.errors import UnreadableImage
from xray_model.evaluation.drift.frame import Axes
from xray_model.evaluation.strangeness import UNLIKE_TRAINING, Strangeness
from xray_model.outcomes import Prediction, ServedModel

if TYPE_CHECKING:
    from xray_model.network.predictor import Answers, Predictor

_NO_ANSWER = "the model's answer to it is not a number"


@dataclass(frozen=True, slots=True)
class Answered:
    """An image with what the model says of it."""

    image: Examined
    prediction: Prediction
    coordinates: npt.NDArray[np.float32]
    """[k]: its embedding on the axes of the model's reference; none where there is no reference."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file without an answer."""

    image_id: str | None
    """sha256 of its bytes; None where they could not be read."""
    reason: str


class Answerer:
    """A model, and what its answers are checked against; threads take turns."""

    def __init__(
        self,
        predictor: "Predictor",
        model: ServedModel,
        bounds: Sequence[Bound],
        axes: Axes | None,
        strangeness: Strangeness | None,
    ) -> None:
        self.predictor, self.model = predictor, model
        self._axes, self._strangeness = axes, strangeness
        self._bounds = {bound.code: bound for bound in bounds}
        self._turn = Lock()

    def answer(self, files: Iterable[File]) -> list[Answered | Refused]:
        """One answer for each file, in their order."""
        examined = [self._examine(file) for file in files]
        answered = iter(self._predict([one for one in examined if isinstance(one, Examined)]))
        return [next(answered) if isinstance(one, Examined) else one for one in examined]

    def _examine(self, file: File) -> Examined | Refused:
        if isinstance(file, UnreadableImage):
            return Refused(None, str(file))
        try:
            return examine_image(file, self.predictor.side)
        except UnreadableImage as error:
            return Refused(hashlib.sha256(file).hexdigest(), str(error))

    def _predict(self, images: Sequence[Examined]) -> list[Answered | Refused]:
        if not images:
            return []
        with self._turn:
            found = self.predictor.answer(np.stack([image.pixels for image in images]))
        axes = self._axes
        coordinates = np.empty((len(images), 0), np.float32) if axes is None else axes.project(found.embedding)
        unlike = self._find_strange(found.embedding)
        return [
            Refused(image.image_id, _NO_ANSWER)
            if found.predicted[n] is None
            else Answered(image, self._describe(image, found, n, unlike=bool(unlike[n])), coordinates[n])
            for n, image in enumerate(images)
        ]

    def _find_strange(self, embedding: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        none = np.zeros(len(embedding), np.bool_)
        return none if self._strangeness is None else self._strangeness.find_strange(embedding)

    def _describe(self, image: Examined, found: "Answers", n: int, *, unlike: bool) -> Prediction:
        warnings = find_warnings(image, self._bounds)
        return Prediction(
            image_id=image.image_id,
            label=found.predicted[n],
            probabilities=dict(zip(self.predictor.classes, found.probabilities[n].tolist(), strict=True)),
            warnings=(*warnings, UNLIKE_TRAINING) if unlike else warnings,
            version=self.model.version,
            snapshot_id=self.model.snapshot_id,
        )


def open_answerer(
    model: ServedModel, path: Path, bounds: Sequence[Bound], axes: Axes | None, strangeness: Strangeness | None
) -> Answerer:
    """The answerer of a model's `.keras` file.

    Raises:
        InvalidInput: the file is no model that may be loaded.
    """
    from xray_model.network.predictor import load_predictor

    return Answerer(load_predictor(path), model, bounds, axes, strangeness)


def find_axes(objects: Objects, model: ServedModel) -> Axes | None:
    """The axes that a model's embeddings are put on; None before `monitor` first looked."""
    reference = load_reference(objects, model.run_id, model.snapshot_id)
    return None if reference is None or reference.axes is None else Axes.from_array(reference.axes)
