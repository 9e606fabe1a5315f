"""Networks of `keras.applications`, without their top: preprocessed images to pooled features."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

Build = Callable[[int, float, str | None], keras.Model]
"""(side, alpha, `imagenet` or None for random weights) -> images [side, side, 3] to features."""


def application(make: Callable[..., keras.Model], *, pooling: str | None = "avg", **settings: Any) -> Build:
    """A network of Keras' own as it is, ending at its average pooling, or at its last map where `pooling` is None."""

    def build(side: int, _alpha: float, weights: str | None) -> keras.Model:
        return make(input_shape=(side, side, 3), include_top=False, pooling=pooling, weights=weights, **settings)

    return build


def build_mobilenet_v2(side: int, alpha: float, weights: str | None) -> keras.Model:
    """MobileNetV2, `alpha` times as wide as published."""
    return keras.applications.MobileNetV2(
        input_shape=(side, side, 3), include_top=False, pooling="avg", weights=weights, alpha=alpha
    )


def build_convnext_tiny(side: int, _alpha: float, weights: str | None) -> keras.Model:
    """ConvNeXt-Tiny, with a name for its last map, which Keras leaves an operation without one."""
    network = keras.applications.ConvNeXtTiny(
        input_shape=(side, side, 3),
        include_top=False,
        include_preprocessing=False,
        pooling=None,
        weights=weights,
        name="convnext_tiny",
    )
    normalise = network.layers[-1]
    last_map = layers.Identity(name="last_map")(normalise.input)
    # As Keras has it with pooling="avg": the pooled features are normalised, not the map.
    return keras.Model(network.input, normalise(layers.GlobalAveragePooling2D(name="average")(last_map)))
