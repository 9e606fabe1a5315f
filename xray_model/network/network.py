"""The whole network in one `.keras` file: preprocessing, frozen part, head, and the names of its classes."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

from xray_model.errors import InvalidInput, WeightsError
from xray_model.network import transformers as _transformers  # noqa: F401  a saved model names these layers
from xray_model.network.layers import Standardise
from xray_model.network.samples import Features
from xray_model.network.seeding import Seeds

if TYPE_CHECKING:
    from xray_model.network.backbones.registry import Backbone

_JOINED = "xray"
_STANDARDISE = "standardise"
_COMPUTED = b"folded"
"""To be changed where `extractor` comes to other bits: features that were kept before would not be the service's."""
_COUNTER = re.compile(r"_\d+$")


@keras.saving.register_keras_serializable(package="xray")
class ClassProbabilities(layers.Layer):
    """Softmax over class scores [n, classes], which knows the classes' names and how a label is chosen of them.

    Except in training `log_offsets` are added to the scores, see `evaluation.decision.prior_offsets`, and all are then
    divided by `temperature`, see `evaluation.calibration.fit_temperature`.
    `decision_weights` change no probability: they are for `evaluation.decision.decide_classes`.
    """

    def __init__(
        self,
        classes: Sequence[str],
        log_offsets: Sequence[float] | None = None,
        decision_weights: Sequence[float] | None = None,
        temperature: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.classes = tuple(classes)
        self.log_offsets = tuple(log_offsets or [0.0] * len(self.classes))
        self.decision_weights = tuple(decision_weights or [1.0] * len(self.classes))
        self.temperature = temperature

    def call(self, scores: Any, training: bool | None = None) -> Any:
        """Probabilities float32 [n, classes]; in training those under the prior of the rebalanced images."""
        scores = keras.ops.cast(scores, "float32")
        if not training:
            scores = (scores + keras.ops.convert_to_tensor(self.log_offsets, "float32")) / self.temperature
        return keras.ops.softmax(scores, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """With all that makes a probability and a label of a score, so that it travels with the weights."""
        return {
            **super().get_config(),
            "classes": list(self.classes),
            "log_offsets": list(self.log_offsets),
            "decision_weights": list(self.decision_weights),
            "temperature": self.temperature,
        }


def build_head(
    backbone: "Backbone",
    feature_shape: Sequence[int],
    classes: Sequence[str],
    dropout: float,
    hidden_units: int = 0,
    seed: int = 0,
) -> keras.Model:
    """The part trained from the start: features [n, *feature_shape] to probabilities float32 [n, classes].

    Pooled features are standardised, by figures that `standardise` puts in. The classifier starts at zero, so that no
    class is the likelier before anything was learnt; all else follows from the seed.
    """
    features = keras.Input(tuple(feature_shape), name="features")
    stack = backbone.trunk() or [Standardise(name=_STANDARDISE)]
    if hidden_units:
        stack.append(layers.Dense(hidden_units, activation="relu", name="hidden"))
    stack.append(layers.Dropout(dropout, name="dropout"))
    seeds, x = Seeds(seed, "head"), features
    for layer in stack:
        x = seeds.copy(layer)(x)
    scores = layers.Dense(len(classes), kernel_initializer="zeros", name="scores")(x)
    return keras.Model(features, ClassProbabilities(classes, name="probabilities")(scores), name="head")


def standardise(head: keras.Model, features: Features) -> None:
    """Let a head see pooled features [n, d] as these are spread: those of the training split, and no other.

    A head that took over what the champion learnt keeps the champion's scale with it.
    """
    for layer in head.layers:
        if isinstance(layer, Standardise) and not layer.adapted:
            layer.adapt(features)


def extend_head(upper: keras.Model, head: keras.Model) -> keras.Model:
    """A head that begins with the upper part of a backbone: activations at its boundary to probabilities.

    Upper part and head are shared with the models given, so what the head learnt before is kept.
    """
    activations = keras.Input(upper.input_shape[1:], name="activations")
    x = upper(activations)
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(activations, x, name="head")


def warm_start(head: keras.Model, champion: keras.Model) -> bool:
    """Copy into a new head what the head of the model in service learnt; an upper part is `build_parts`' business.

    Returns:
        Whether the classifier was copied too: only where it tells the same classes apart.

    Raises:
        WeightsError: the model in service has another head.
    """
    _, learnt = split(champion)
    same = head.get_layer("probabilities").classes == learnt.get_layer("probabilities").classes
    sources = {layer.name: layer for layer in learnt.layers}
    for layer in head.layers:
        if layer.weights and not isinstance(layer, keras.Model) and (same or layer.name != "scores"):
            source = sources.get(layer.name)
            if source is None or _shapes(source) != _shapes(layer):
                raise WeightsError(
                    f"the head of the model in service has no {layer.name} of this shape: it has other features or "
                    "hidden units, or was made before there were such; take the same, or other weights"
                )
            layer.set_weights(source.get_weights())
    return bool(same)


def join(frozen: keras.Model, head: keras.Model) -> keras.Model:
    """One model from canonical pixels to probabilities."""
    pixels = keras.Input(frozen.input_shape[1:], name="pixels")
    return keras.Model(pixels, head(frozen(pixels)), name=_JOINED)


def split(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The frozen part and the head of a joined model.

    Raises:
        InvalidInput: the model was not made by `join`.
    """
    try:
        return model.get_layer("frozen"), model.get_layer("head")
    except ValueError as error:
        raise InvalidInput("the model file was not made by this pipeline: it has no frozen part and head") from error


def class_names(model: keras.Model) -> tuple[str, ...]:
    """The classes a joined model tells apart, in the order of its outputs."""
    _, head = split(model)
    return probabilities_layer(head).classes


def decision_weights(model: keras.Model) -> tuple[float, ...]:
    """What `evaluation.decision.decide_classes` weighs the probabilities of a joined model with."""
    _, head = split(model)
    return probabilities_layer(head).decision_weights


def probabilities_layer(head: keras.Model) -> ClassProbabilities:
    """The last layer of a head, or of a joined model.

    A compiled model keeps to the offsets and the temperature it was compiled with; see `forget_graphs`.
    """
    if head.name == _JOINED:
        _, head = split(head)
    layer: ClassProbabilities = head.get_layer("probabilities")
    return layer


def embedding(head: keras.Model) -> keras.Model:
    """What the classifier sees of an image: features as the head is given them to float32 [n, d]; shares its layers."""
    return keras.Model(head.input, head.get_layer("scores").input, name="embedding")


def forget_graphs(model: keras.Model) -> None:
    """Let a model answer by the offsets and the temperature that its last layer has now."""
    model.make_predict_function(force=True)


def fingerprint(frozen: keras.Model) -> str:
    """16 hex digits that change with any weight, input size or preprocessing of the frozen part."""
    digest = hashlib.sha256(_COMPUTED)
    for layer in frozen.layers:
        digest.update(json.dumps(_plain(layer.get_config()), sort_keys=True).encode())
    for weight in frozen.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()[:16]


def save(model: keras.Model, path: Path) -> str:
    """Write one `.keras` file; returns its sha256."""
    model.save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(path: Path) -> keras.Model:
    """Read a `.keras` file in safe mode: it may hold no code.

    Raises:
        InvalidInput: it is no model that may be loaded.
    """
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise InvalidInput(f"{path.name} is not a model that can be loaded safely: {error}") from error


def _shapes(layer: layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _plain(value: Any) -> Any:
    """Configuration as JSON can hold it, without what does not change the outputs.

    Those are trainability and the numbers that Keras appends to names of layers built a second time.
    """
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if key not in {"trainable", "build_config"}}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return _COUNTER.sub("", value)
    return value if isinstance(value, int | float | bool) or value is None else str(value)
