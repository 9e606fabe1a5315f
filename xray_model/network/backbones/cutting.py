"""Cutting a backbone in two: what is frozen and may be cached, and what may be fine-tuned.

`frozen` turns canonical pixels into what is cached and never learns; `upper`, where there is one, turns that into
pooled features. What stands on top (trunk and classifier) is made by `xray_model.network.network.build_head`.
"""

import re
from collections import Counter
from dataclasses import dataclass

import keras
from keras import layers

from xray_model.config import FeatureKind, Precision
from xray_model.errors import ConfigurationError
from xray_model.network.backbones.champion import copy_champion
from xray_model.network.backbones.depths import average_depths
from xray_model.network.backbones.precision import computing_in
from xray_model.network.backbones.registry import ALL, Backbone
from xray_model.network.backbones.weights import CHAMPION, Origin, Weights, build_network
from xray_model.network.layers import Float16Range, InferenceBatchNormalization, Preprocess
from xray_model.network.seeding import Seeds

_GRAY, _RGB = 1, 3
_COUNTER = re.compile(r"_\d+$")


@dataclass(frozen=True, slots=True)
class Parts:
    """A backbone cut at a boundary."""

    frozen: keras.Model
    """Canonical pixels [n, side, side, 1] to pooled features, or to the activations at the boundary."""
    upper: keras.Model | None
    """Those activations to pooled features; None where nothing of the backbone is fine-tuned."""
    words: str
    """Which weights it has."""
    champion: keras.Model | None = None
    """The model in service where its weights were taken; `network.warm_start` takes its head's."""
    weights_sha256: str | None = None
    """Of the file its weights came from; None where there was none."""


def build_parts(
    backbone: Backbone,
    canonical_side: int,
    side: int,
    weights: Weights,
    boundary: str | None,
    precision: Precision = "float32",
    features: FeatureKind = "last",
    seed: int = 0,
) -> Parts:
    """A backbone with its weights, cut at a boundary.

    Args:
        backbone: an entry of `BACKBONES`.
        canonical_side: side of the pixels it is given, [n, canonical_side, canonical_side, 1], 0 to 255.
        side: side at which the backbone sees them.
        weights: where its weights come from.
        boundary: one of the entry's `boundaries`; `ALL`; or None, which leaves nothing to fine-tune.
        precision: what the pretrained part is computed in; its weights, pixels and outputs are float32 in any case.
        features: what is pooled of it; `depths` only where `depths.choose_features` allows it.
        seed: of the weights, where none are loaded.

    Raises:
        ConfigurationError: the backbone has no such boundary or cannot see this side.
        WeightsError: the weights are missing, cannot be fetched, have another hash, or do not fit.
    """
    backbone.check_side(side)
    check_boundary(backbone, boundary)
    with computing_in(precision):
        network, origin, champion = _prepare(backbone, side, weights, features, seed)
    channels = _RGB if backbone.pretrained else _GRAY
    pixels = keras.Input((canonical_side, canonical_side, _GRAY), name="pixels")
    x = layers.Resizing(side, side, interpolation="bilinear", antialias=True, name="resize")(pixels)
    x = Preprocess(backbone.name, backbone.preprocessing, channels, name="preprocess")(x)
    upper = None
    if network is not None:
        lower, upper = _divide(network, boundary)
        x = x if lower is None else Float16Range(name="float16_range")(lower(x))
    frozen = keras.Model(pixels, x, name="frozen")
    frozen.trainable = False
    return Parts(frozen, upper, origin.words, champion, origin.sha256)


def build_frozen(backbone: Backbone, canonical_side: int, side: int, weights: Weights) -> tuple[keras.Model, str]:
    """The frozen part where nothing is fine-tuned, and in words which weights it has; raises as `build_parts`."""
    parts = build_parts(backbone, canonical_side, side, weights, None)
    return parts.frozen, parts.words


def cut(network: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """A model from its input to a layer's output, and one from there on; they share its weights.

    Raises:
        ConfigurationError: it has no such layer, or something goes past it.
    """
    try:
        middle = network.get_layer(layer).output
        return keras.Model(network.input, middle, name=network.name), keras.Model(middle, network.output, name="upper")
    except ValueError as error:
        raise ConfigurationError(f"{network.name} cannot be cut at {layer}: {error}") from error


def settle(network: keras.Model, name: str, seeds: Seeds | None = None) -> keras.Model:
    """A copy whose batch normalisation never follows a batch, and whose layers have the same names each time.

    Keras numbers the layers it names itself through the whole process. The weights are copied too, or drawn by seeds.
    """
    seen: Counter[str] = Counter()

    def copy(layer: layers.Layer) -> layers.Layer:
        kind = _COUNTER.sub("", layer.name)
        config = layer.get_config()
        if kind.replace("_", "") == type(layer).__name__.lower():
            config["name"] = f"{kind}_{seen[kind]}"
            seen[kind] += 1
        if seeds is not None:
            config = seeds.fill(config)
        else:  # The weights are put in below: drawing them here would take longer than all else.
            config |= {name: "zeros" for name in config if name.endswith("_initializer")}
        normalises = isinstance(layer, layers.BatchNormalization)
        return (InferenceBatchNormalization if normalises else type(layer)).from_config(config)

    copied = keras.models.clone_model(network, clone_function=copy)
    if seeds is None:
        copied.set_weights(network.get_weights())
    return keras.Model(copied.input, copied.output, name=name)


def check_boundary(backbone: Backbone, boundary: str | None) -> None:
    """Refuse a place at which fine-tuning cannot begin.

    Raises:
        ConfigurationError: the backbone has no such boundary.
    """
    if boundary is None:
        return
    if not backbone.pretrained:
        raise ConfigurationError(f"{backbone.name} is trained whole from the start: there is nothing to fine-tune")
    if boundary != ALL and boundary not in backbone.boundaries:
        raise ConfigurationError(
            f"fine-tuning of {backbone.name} cannot begin at {boundary}: take one of {', '.join(backbone.boundaries)}, "
            f"or {ALL}"
        )


def _prepare(
    backbone: Backbone, side: int, weights: Weights, features: FeatureKind, seed: int
) -> tuple[keras.Model | None, Origin, keras.Model | None]:
    """The pretrained part, which weights it has, and the model in service if they are its."""
    warm = weights.source == CHAMPION
    network, origin = build_network(backbone, side, Weights("none") if warm else weights)
    if network is not None:
        network = settle(network, backbone.name, Seeds(seed, "backbone") if weights.source == "none" else None)
        network = average_depths(network, backbone) if features == "depths" else network
    if not warm:
        return network, origin, None
    champion, origin = copy_champion(backbone, side, network, weights)
    return network, origin, champion


def _divide(network: keras.Model, boundary: str | None) -> tuple[keras.Model | None, keras.Model | None]:
    if boundary is None:
        return network, None
    if boundary == ALL:
        return None, keras.Model(network.input, network.output, name="upper")
    lower, shared = cut(network, boundary)
    # Layers of its own: those of a cut model answer for the whole one when it is to be cut again, as for Grad-CAM.
    upper = keras.models.clone_model(shared)
    upper.set_weights(shared.get_weights())
    return lower, keras.Model(upper.input, upper.output, name="upper")
