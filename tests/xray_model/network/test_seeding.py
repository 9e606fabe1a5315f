"""One seed makes one network, whatever else in the process draws random numbers."""

import random

import keras
import numpy as np
import pytest

from tests.xray_model.network.conftest import CANONICAL, smallest_side
from xray_model.network import network
from xray_model.network.backbones import BACKBONES, Weights, build_parts


def draw(name: str, seed: int) -> tuple[list[np.ndarray], keras.Model]:
    """The weights of a whole network of random weights, and its head."""
    backbone = BACKBONES[name]
    frozen = build_parts(backbone, CANONICAL, smallest_side(backbone), Weights("none"), None, seed=seed).frozen
    head = network.build_head(backbone, frozen.output_shape[1:], ("covid", "normal"), 0.5, hidden_units=4, seed=seed)
    return [*frozen.get_weights(), *head.get_weights()], head


@pytest.mark.parametrize("name", ["vgg16", "convnext_tiny", "vit_tiny", "vit_b16", "basic_cnn"])
def test_a_seed_makes_the_same_network(name: str) -> None:
    """Its weights and dropout follow no generator that other threads draw from too; another seed makes another."""
    random.seed(1)
    once, head = draw(name, 3)
    random.seed(2)
    again, same_head = draw(name, 3)
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    features = np.ones((4, *head.input_shape[1:]), np.float32)
    assert np.array_equal(head(features, training=True), same_head(features, training=True))
    other, _ = draw(name, 4)
    random_ones = [place for place, weight in enumerate(once) if weight.ndim > 1 and np.ptp(weight) > 0]
    assert random_ones
    assert not any(np.array_equal(once[place], other[place]) for place in random_ones)


def test_no_two_kernels_are_alike() -> None:
    """Layers of one shape, such as an attention's queries and keys, are drawn each on its own."""
    weights, _ = draw("vit_tiny", 3)
    kernels = [weight.ravel() for weight in weights if weight.ndim > 1 and np.ptp(weight) > 0]
    assert all(
        len(one) != len(other) or not np.array_equal(one, other)
        for place, one in enumerate(kernels)
        for other in kernels[:place]
    )
