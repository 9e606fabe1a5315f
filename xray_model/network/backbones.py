"""Backbones by name: what is frozen, what is trained on top, and the preprocessing each was made for.

A network is two parts in a row. `frozen` turns gray pixels into features and never learns, so its outputs may be
cached; `head` turns features into class scores and learns. Adding a backbone is one entry of `BACKBONES`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from xray_model.errors import WeightsError

CHANNELS = 1


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a backbone's weights come from."""

    source: str
    """`none`, `imagenet`, or the path of a weight file."""
    sha256: str | None = None
    """Expected hash of the file."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """One entry of the registry."""

    name: str
    default_side: int
    learning_rate: float
    """Adam's, where the options name none: weights from the start learn faster than a head on good features."""
    pretrained: bool
    """Whether weights can be loaded into it."""
    frozen: Callable[[int, str | None], list[layers.Layer]]
    """(side, weights argument) -> layers that turn gray levels [side, side, 1] into features."""
    trunk: Callable[[], list[layers.Layer]]
    """Trained layers between the features and the classifier."""


def _basic_cnn_frozen(_side: int, _weights: str | None) -> list[layers.Layer]:
    return [layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")]


def _basic_cnn_trunk() -> list[layers.Layer]:
    stack: list[layers.Layer] = []
    # The first convolution strides, so that most of the work is done at a quarter of the pixels.
    for block, (filters, size, stride) in enumerate(((16, 5, 2), (32, 3, 1), (64, 3, 1)), start=1):
        stack += [
            layers.Conv2D(filters, size, stride, padding="same", activation="relu", name=f"conv{block}"),
            layers.MaxPooling2D(2, name=f"pool{block}"),
        ]
    return [*stack, layers.GlobalAveragePooling2D(name="average")]


def _mobilenet_v2_frozen(side: int, weights: str | None) -> list[layers.Layer]:
    network = keras.applications.MobileNetV2(
        input_shape=(side, side, 3), include_top=False, pooling="avg", weights=weights, name="mobilenet_v2"
    )
    return [
        layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale"),
        layers.Concatenate(name="to_rgb"),
        network,
    ]


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone("basic_cnn", 128, 2e-3, pretrained=False, frozen=_basic_cnn_frozen, trunk=_basic_cnn_trunk),
        Backbone("mobilenet_v2", 224, 5e-4, pretrained=True, frozen=_mobilenet_v2_frozen, trunk=list),
    )
}


def build_frozen(backbone: Backbone, canonical_side: int, side: int, weights: Weights) -> tuple[keras.Model, str]:
    """The frozen part, from canonical pixels to features, and in words which weights it has.

    Args:
        backbone: an entry of `BACKBONES`.
        canonical_side: side of the pixels it is given, [n, canonical_side, canonical_side, 1], 0 to 255.
        side: side at which the backbone sees them.
        weights: where its weights come from.

    Raises:
        WeightsError: the weights are missing, cannot be fetched, have another hash, or do not fit.
    """
    argument, words = _check_weights(backbone, weights)
    pixels = keras.Input((canonical_side, canonical_side, CHANNELS), name="pixels")
    features = layers.Resizing(side, side, interpolation="bilinear", antialias=True, name="resize")(pixels)
    for layer in _load_layers(backbone, side, argument, weights):
        features = layer([features] * 3) if isinstance(layer, layers.Concatenate) else layer(features)
    frozen = keras.Model(pixels, features, name="frozen")
    frozen.trainable = False
    return frozen, words


def _check_weights(backbone: Backbone, weights: Weights) -> tuple[str | None, str]:
    if weights.source == "none":
        return None, "random, none loaded" if backbone.pretrained else "random, trained from the start"
    if not backbone.pretrained:
        raise WeightsError(
            f"{backbone.name} is trained from the start and takes no weights: leave out {weights.source}"
        )
    if weights.source == "imagenet":
        return "imagenet", "ImageNet, downloaded by Keras"
    path = Path(weights.source)
    if not path.is_file():
        raise WeightsError(
            f"there is no weight file {path.name} where --weights says: give the path of a .weights.h5 file, "
            "`imagenet` to download, or `none` for random weights"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if weights.sha256 is not None and found != weights.sha256:
        raise WeightsError(f"{path.name} has the sha256 {found}, expected {weights.sha256}: fetch the file again")
    return str(path), f"file {path.name}, sha256 {found[:16]}"


def _load_layers(backbone: Backbone, side: int, argument: str | None, weights: Weights) -> list[layers.Layer]:
    try:
        return backbone.frozen(side, argument)
    except (ValueError, OSError, KeyError) as error:
        raise WeightsError(
            f"the weights {Path(weights.source).name} do not fit {backbone.name} at side {side}: "
            "take the file made for this backbone, without its top"
        ) from error
    except Exception as error:
        # Keras raises a bare Exception where a download fails.
        if weights.source != "imagenet":
            raise
        raise WeightsError(
            f"Keras could not download the ImageNet weights of {backbone.name}: on a machine without internet give "
            "the path of the weight file instead"
        ) from error
