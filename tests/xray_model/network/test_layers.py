"""Standardised features: as the training images spread them, and none by next to nothing."""

import numpy as np
import pytest

from xray_model.network import network
from xray_model.network.backbones import BACKBONES
from xray_model.network.layers import Standardise


def adapted(train: np.ndarray) -> Standardise:
    """A layer that has seen training features [n, d]."""
    layer = Standardise()
    layer.build((None, train.shape[1]))
    layer.adapt(train)
    return layer


def test_training_features_have_mean_0_and_deviation_1() -> None:
    """Whatever their scales, and as float16, which the cache holds."""
    rng = np.random.default_rng(0)
    train = (rng.normal(size=(500, 3)) * [2e-2, 1, 1e3] + [0.5, 0, -2e4]).astype(np.float16)
    seen = np.asarray(adapted(train)(train.astype(np.float32)))
    assert seen.mean(axis=0) == pytest.approx(np.zeros(3), abs=5e-3)
    assert seen.std(axis=0) == pytest.approx(np.ones(3), abs=5e-3)


def test_a_feature_that_never_varied_in_training_decides_nothing() -> None:
    """A feature without deviation in training moves by no more than a hundred deviations when it varies at last."""
    train = np.random.default_rng(0).normal(5, 2, (500, 3)).astype(np.float32)
    train[:, 2] = 0
    assert np.asarray(adapted(train)(np.ones((1, 3), np.float32)))[0, 2] < 100


def test_features_that_are_all_alike_stay_finite() -> None:
    """Where no feature varies in training nothing is divided by."""
    train = np.full((4, 2), 7, np.float32)
    assert np.array_equal(np.asarray(adapted(train)(train + 1)), np.ones((4, 2), np.float32))


@pytest.mark.parametrize(("name", "standardised"), [("mobilenet_v2", True), ("basic_cnn", False)])
def test_heads_on_pooled_features_standardise_them(name: str, standardised: bool) -> None:
    """A head that begins with layers of its own sees what it is given; one on pooled features standardises them."""
    backbone = BACKBONES[name]
    head = network.build_head(backbone, (64, 64, 1) if backbone.trunk() else (8,), ("covid", "normal"), 0.0)
    assert any(isinstance(layer, Standardise) for layer in head.layers) is standardised
