"""One trained model as all that predicts uses it: canonical pixels to probabilities, classes and embeddings.

The gate judges a model by features that were kept as float16. So the features are rounded here too, between the frozen
part and the head: what answers in service is what was judged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from xray_model.evaluation.decision import name_classes
from xray_model.network import network
from xray_model.network.explain import explain
from xray_model.network.extractor import SIZES, FeatureExtractor, pad

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model makes of n images."""

    probabilities: npt.NDArray[np.float32]
    """[n, classes]"""
    predicted: npt.NDArray[np.object_]
    """[n]: the class decided on; None where a probability is not a number."""
    embedding: npt.NDArray[np.float32]
    """[n, d]: what the classifier sees."""


class Predictor:
    """A joined model, ready to answer; to be used by one thread at a time."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        frozen, head = network.split(model)
        self._extract = FeatureExtractor(frozen)
        self._head = keras.Model(head.input, [head.output, network.embedding(head).output], name="answers")
        self.classes = network.class_names(model)
        """In the order of the probabilities."""
        self.decision_weights = network.decision_weights(model)
        self.side: int = frozen.input_shape[1]
        """Of canonical pixels."""

    def answer(self, pixels: Pixels) -> Answers:
        """What the model makes of canonical pixels uint8 [n, side, side]."""
        shapes = [output[1:] for output in self._head.output_shape]
        probabilities, embedding = (np.empty((len(pixels), *shape), np.float32) for shape in shapes)
        for start in range(0, len(pixels), SIZES[-1]):
            part = slice(start, start + SIZES[-1])
            probabilities[part], embedding[part] = self._answer_batch(pixels[part])
        return Answers(probabilities, name_classes(probabilities, self.classes, self.decision_weights), embedding)

    def explain(self, pixels: Pixels, class_name: str) -> npt.NDArray[np.float32]:
        """Heat maps float32 [n, side, side] of what speaks for a class; see `explain.explain`."""
        return explain(self._model, pixels, class_name)

    def warm_up(self, sizes: Iterable[int] = SIZES) -> None:
        """Answer batches of these sizes, so that the first who asks does not wait for what is set up once."""
        for size in sizes:
            self.answer(np.zeros((size, self.side, self.side), np.uint8))

    def _answer_batch(self, pixels: Pixels) -> Sequence[npt.NDArray[np.float32]]:
        features = self._extract(pad(pixels))  # padded, for the head meets no new size either
        return [np.asarray(output)[: len(pixels)] for output in self._head.predict_on_batch(features)]


def load_predictor(path: Path) -> Predictor:
    """The predictor of a `.keras` file.

    Raises:
        InvalidInput: it is no model that may be loaded, or none of this pipeline.
    """
    return Predictor(network.load(path))
