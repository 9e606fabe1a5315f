"""One model's answers to files of any kind: read, examined, predicted, and checked against what the model knows."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from storage.scoring.images import File
from xray_model.data.bounds import Bound
from xray_model.errors import UnreadableImage
from xray_model.evaluation.answering import ReadImage, read_image
from xray_model.evaluation.sight import Sight
from xray_model.outcomes import Prediction, ServedModel

if TYPE_CHECKING:
    from xray_model.network.predictor import Predictor

_NO_ANSWER = "the model's answer to it is not a number"


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """An image with what the model says of it."""

    read: ReadImage
    prediction: Prediction
    coordinates: npt.NDArray[np.float32]
    """[k]: its embedding on the axes of the model's reference; none where there is no reference."""


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file without an answer."""

    image_id: str | None
    """sha256 of its bytes; None where they could not be read."""
    reason: str


class Answerer:
    """A model, and what its answers are checked against; threads take turns."""

    def __init__(self, predictor: "Predictor", model: ServedModel, bounds: Sequence[Bound], sight: Sight) -> None:
        self.predictor, self.model = predictor, model
        self._sight = sight
        self._bounds = {bound.code: bound for bound in bounds}
        self._turn = Lock()

    def answer(self, files: Iterable[File]) -> list[ScoredImage | RefusedFile]:
        """One answer for each file, in their order."""
        found = [self._read(file) for file in files]
        answered = iter(self._predict([one for one in found if isinstance(one, ReadImage)]))
        return [next(answered) if isinstance(one, ReadImage) else one for one in found]

    def _read(self, file: File) -> ReadImage | RefusedFile:
        if isinstance(file, UnreadableImage):
            return RefusedFile(None, str(file))
        try:
            return read_image(file, self.predictor.side, self._bounds)
        except UnreadableImage as error:
            return RefusedFile(hashlib.sha256(file).hexdigest(), str(error))

    def _predict(self, reads: Sequence[ReadImage]) -> list[ScoredImage | RefusedFile]:
        if not reads:
            return []
        with self._turn:
            found = self.predictor.answer(np.stack([read.image.pixels for read in reads]))
        coordinates, strange = self._sight.place(found.embedding), self._sight.find_strange(found.embedding)
        answers: list[ScoredImage | RefusedFile] = []
        for n, read in enumerate(reads):
            label = found.predicted[n]
            if label is None:
                answers.append(RefusedFile(read.image.image_id, _NO_ANSWER))
                continue
            probabilities = dict(zip(self.predictor.classes, found.probabilities[n].tolist(), strict=True))
            prediction = read.describe_answer(self.model, label, probabilities, strange=bool(strange[n]))
            answers.append(ScoredImage(read, prediction, coordinates[n]))
        return answers


def open_answerer(model: ServedModel, path: Path, bounds: Sequence[Bound], sight: Sight) -> Answerer:
    """The answerer of a model's `.keras` file.

    Raises:
        InvalidInput: the file is no model that may be loaded.
    """
    from xray_model.network.predictor import load_predictor

    return Answerer(load_predictor(path), model, bounds, sight)
