"""The frozen part of a network as a function, pixels to features: what judges a model and what answers both ask it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias, cast

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.devices import count_replicas, runs_on_tensorflow
from xray_model.network.network import fingerprint

Pixels: TypeAlias = npt.NDArray[np.uint8]
_Forward: TypeAlias = Callable[[Pixels], Any]

SIZES = (2, 4, 8, 16, 32, 64)
"""Images of the batches that the network is given: each size that is new to it costs the first who asks a second.

Not 1: oneDNN takes other kernels for an image alone, whose sums end on other bits, and one feature of a thousand on
another float16. From 2 on, convolutions give an image the same bits in whatever company.
"""
_FOLDED = 10_000_000
"""Weights of the largest network that is folded, see `_fold`."""


class FeatureExtractor:
    """Computes what the frozen part makes of images, as it was when this was made; for one thread at a time."""

    def __init__(self, frozen: keras.Model) -> None:
        self._shape: tuple[int, ...] = frozen.output_shape[1:]
        self._forward = _forward(frozen)

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float16]:
        """float16 [n, ...] of canonical pixels uint8 [n, side, side]."""
        features = np.empty((len(pixels), *self._shape), np.float16)
        for start in range(0, len(pixels), SIZES[-1]):
            part = pixels[start : start + SIZES[-1]]
            features[start : start + len(part)] = np.asarray(self._forward(pad(part)[..., None]))[: len(part)]
        return features


def extractor_of(frozen: keras.Model) -> FeatureExtractor:
    """The extractor of a frozen part with the weights that it has now: one for all its shards, looks and splits."""
    return _make(frozen, fingerprint(frozen))


@lru_cache(maxsize=2)
def _make(frozen: keras.Model, _weights: str) -> FeatureExtractor:
    return FeatureExtractor(frozen)


def pad(images: Pixels) -> Pixels:
    """1 to `SIZES[-1]` images uint8 [n, ...] with black ones after them, as many as the next of `SIZES`."""
    missing = next(size for size in SIZES if size >= len(images)) - len(images)
    return np.concatenate([images, np.zeros((missing, *images.shape[1:]), np.uint8)]) if missing else images


def _forward(frozen: keras.Model) -> _Forward:
    if count_replicas() > 1:  # `predict` gives each of several devices its part of a batch
        return lambda pixels: frozen.predict(pixels, batch_size=len(pixels), verbose=0)
    if runs_on_tensorflow() and 0 < frozen.count_params() <= _FOLDED:
        return _fold(frozen)
    return cast("_Forward", frozen.predict_on_batch)


def _fold(frozen: keras.Model) -> _Forward:
    """A graph in which the weights are constants, so that TensorFlow folds normalisation into convolutions beforehand.

    Measured on two cores, in images a second: a MobileNetV2 gains 30 %, an EfficientNetV2-B0 23 %, a DenseNet-121 10 %.
    ResNet-50 and Inception v3 would gain 6 %, VGG19 nothing, for some 700 MB to 1.4 GB of memory and 4 s to begin with.
    """
    import tensorflow as tf

    # Read here, for a graph in the making cannot.
    kinds = frozen.trainable_variables, frozen.non_trainable_variables
    values = [[variable.numpy() for variable in kind] for kind in kinds]

    def forward(pixels: tf.Tensor) -> tf.Tensor:
        constants = [[tf.constant(value) for value in kind] for kind in values]
        features, _ = frozen.stateless_call(*constants, pixels, training=False)
        return features

    signature = [tf.TensorSpec((None, *frozen.input_shape[1:]), tf.uint8)]
    graph: _Forward = tf.function(forward, signature, autograph=False).get_concrete_function()
    return lambda pixels: graph(tf.constant(pixels))
