"""A warm start: the weights of the model in service for a new network of the same backbone."""

from collections.abc import Iterator

import keras
from keras import layers

from xray_model.errors import InvalidInput, WeightsError
from xray_model.network import network as networks
from xray_model.network.backbones.registry import Backbone
from xray_model.network.backbones.weights import Origin, Weights, check_file


def copy_champion(
    backbone: Backbone, side: int, network: keras.Model | None, weights: Weights
) -> tuple[keras.Model, Origin]:
    """Copy the weights of the model in service into a fresh network; returns that model, and which weights they are.

    Args:
        backbone: the entry that is being built.
        side: side at which it sees pictures.
        network: its pretrained part, filled in place; None where all of it is trunk.
        weights: whose `file` is the `.keras` file of the model in service.

    Raises:
        WeightsError: there is none, it cannot be read, or it has another backbone, side or shape.
    """
    if weights.file is None:
        raise WeightsError("there is no model in service to start from: take other weights for the first training")
    digest = check_file(weights.file, weights)
    try:
        champion = networks.load(weights.file)
        frozen, head = networks.split(champion)
        has, sees = frozen.get_layer("preprocess").backbone, frozen.get_layer("resize").height
    except (InvalidInput, ValueError) as error:
        raise WeightsError(f"the model in service cannot be started from: {error}; take other weights") from error
    if (has, sees) != (backbone.name, side):
        raise WeightsError(
            f"the model in service is {has} at side {sees}, not {backbone.name} at side {side}: train the same, or "
            "take other weights"
        )
    if network is not None:
        held = {layer.name: layer for part in (frozen, head) for layer in _walk(part)}
        for layer in network.layers:
            if layer.weights:
                _copy(layer, held.get(layer.name))
    return champion, Origin(f"warm start from the model in service, sha256 {digest[:16]}", digest)


def _walk(model: keras.Model) -> Iterator[layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential):
            yield from _walk(layer)
        else:
            yield layer


def _copy(layer: layers.Layer, source: layers.Layer | None) -> None:
    found = [] if source is None else [tuple(weight.shape) for weight in source.weights]
    wanted = [tuple(weight.shape) for weight in layer.weights]
    if source is None:
        raise WeightsError(
            f"the model in service has no layer {layer.name}: it was trained on features of several depths; take the "
            "same, or other weights"
        )
    if found != wanted:
        raise WeightsError(
            f"the model in service has {layer.name} of shapes {found}, not {wanted}: its width differs; take the same "
            "alpha, or other weights"
        )
    layer.set_weights(source.get_weights())
