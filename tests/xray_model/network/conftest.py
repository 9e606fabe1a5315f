"""Every backbone at the smallest side it can see, built once for all tests of this room."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import keras
import numpy as np
import numpy.typing as npt
import pytest

from xray_model.network import network
from xray_model.network.backbones import BACKBONES, Backbone, Parts, Weights, build_parts

CANONICAL = 80
CLASSES = ("covid", "normal")


@dataclass(frozen=True)
class Small:
    """A backbone of random weights, whole and cut at its last boundary, with the same weights."""

    backbone: Backbone
    side: int
    whole: Parts
    cut: Parts
    head: keras.Model

    @property
    def model(self) -> keras.Model:
        """What a training would save."""
        return network.join(self.cut.frozen, self.head)


def smallest_side(backbone: Backbone) -> int:
    """What a backbone can just see."""
    return max(backbone.minimum_side, 32)


def build_small(name: str, boundary: str | None) -> Parts:
    """The same weights at each call."""
    backbone = BACKBONES[name]
    return build_parts(backbone, CANONICAL, smallest_side(backbone), Weights("none"), boundary)


def teach(head: keras.Model) -> keras.Model:
    """The head with a classifier that says something: it begins at zero, where all images look alike to it."""
    scores = head.get_layer("scores")
    scores.kernel.assign(np.random.default_rng(5).normal(size=scores.kernel.shape))
    return head


@cache
def small(name: str) -> Small:
    """A backbone by name."""
    backbone = BACKBONES[name]
    whole = build_small(name, None)
    parts = build_small(name, backbone.boundaries[-1]) if backbone.boundaries else whole
    features = parts.frozen if parts.upper is None else parts.upper
    head = teach(network.build_head(backbone, features.output_shape[1:], CLASSES, dropout=0.5))
    if parts.upper is not None:
        head = network.extend_head(parts.upper, head)
    return Small(backbone, smallest_side(backbone), whole, parts, head)


@pytest.fixture(scope="session")
def pixels() -> npt.NDArray[np.uint8]:
    """uint8 [6, 80, 80]."""
    return np.random.default_rng(0).integers(0, 256, (6, CANONICAL, CANONICAL)).astype(np.uint8)


@pytest.fixture(scope="session")
def build() -> Callable[[str], Small]:
    """Makes a backbone small, or hands out the one made before."""
    return small
