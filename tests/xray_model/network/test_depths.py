"""Features of several depths: averages of a backbone's own maps, which can be tuned, explained and started from."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.xray_model.network.conftest import teach
from xray_model.config import FeatureKind
from xray_model.errors import ConfigurationError
from xray_model.network import inference, network
from xray_model.network.backbones import (
    ALL,
    BACKBONES,
    CHAMPION,
    Parts,
    Weights,
    build_parts,
    choose_features,
    find_backbone,
)
from xray_model.network.explain import explain

SIDE = 80
CLASSES = ("covid", "normal")
NARROW = find_backbone("mobilenet_v2", 0.35)
FIRST, *_, LAST = NARROW.boundaries
Pixels = npt.NDArray[np.uint8]


def build(boundary: str | None = None, weights: Weights | None = None, features: FeatureKind = "depths") -> Parts:
    """A narrow MobileNetV2 whose random weights are the same each time."""
    return build_parts(NARROW, SIDE, 64, weights or Weights("none"), boundary, features=features)


def test_features_are_the_averages_of_the_maps_at_each_boundary(pixels: Pixels) -> None:
    """Side by side from the lowest boundary on stand the means of the very maps that fine-tuning would begin with."""
    averages = [
        build(boundary, features="last").frozen.predict(pixels[..., None], verbose=0).mean(axis=(1, 2))
        for boundary in NARROW.boundaries
    ]
    found = build().frozen.predict(pixels[..., None], verbose=0)
    assert np.abs(found - np.concatenate(averages, axis=1)).max() < 1e-4


def test_what_lies_above_the_last_boundary_is_not_run() -> None:
    """The layers that no average depends on are no part of the network."""
    names = {layer.name for layer in build().frozen.get_layer("mobilenet_v2").layers}
    assert LAST in names
    assert NARROW.cam_layer not in names


@pytest.mark.parametrize("boundary", [FIRST, ALL])
def test_tuned_network_is_the_frozen_one_cut(boundary: str, pixels: Pixels) -> None:
    """Cut at the lowest boundary, or tuned whole, it makes the same features."""
    parts = build(boundary)
    assert parts.upper is not None
    by_parts = parts.upper.predict(parts.frozen.predict(pixels[..., None], verbose=0), verbose=0)
    assert np.abs(by_parts - build().frozen.predict(pixels[..., None], verbose=0)).max() < 1e-4


@pytest.mark.parametrize("boundary", [None, FIRST])
def test_it_is_saved_and_explained(boundary: str | None, pixels: Pixels, tmp_path: Path) -> None:
    """A saved model predicts and is explained as before, with heat from 0 to 1 in the frame of the pixels."""
    parts, whole = build(boundary), build()
    head = network.build_head(NARROW, whole.frozen.output_shape[1:], CLASSES, 0.5, hidden_units=8)
    head.get_layer("scores").kernel.assign(np.random.default_rng(0).normal(size=(8, 2)))
    network.standardise(head, inference.compute_features(whole.frozen, pixels))
    model = network.join(parts.frozen, head if parts.upper is None else network.extend_head(parts.upper, head))
    network.save(model, tmp_path / "model.keras")
    loaded = network.load(tmp_path / "model.keras")
    before, after = (each.predict(pixels[..., None], verbose=0) for each in (model, loaded))
    assert np.abs(before - after).max() < 1e-6
    heat = explain(loaded, pixels[:2], "covid")
    assert np.abs(heat - explain(model, pixels[:2], "covid")).max() < 1e-4
    assert heat.shape == (2, SIDE, SIDE)
    assert (heat.min(), heat.max()) == (0.0, 1.0)


def test_a_champion_of_this_kind_can_be_started_from(pixels: Pixels, tmp_path: Path) -> None:
    """A warm start makes the champion's features."""
    frozen = build().frozen
    head = network.build_head(NARROW, frozen.output_shape[1:], CLASSES, 0.5)
    network.save(network.join(frozen, head), tmp_path / "model.keras")
    started = build_parts(
        NARROW, SIDE, 64, Weights(CHAMPION, file=tmp_path / "model.keras"), None, features="depths"
    ).frozen
    assert np.array_equal(inference.compute_features(started, pixels), inference.compute_features(frozen, pixels))


def test_other_averages_within_a_network_do_not_confuse_the_explanation(pixels: Pixels) -> None:
    """EfficientNet averages within its blocks as well; what is explained are the maps whose averages the head sees."""
    backbone = BACKBONES["efficientnet_v2_b0"]
    frozen = build_parts(backbone, SIDE, 32, Weights("none"), None, features="depths").frozen
    head = teach(network.build_head(backbone, frozen.output_shape[1:], CLASSES, 0.0))
    assert explain(network.join(frozen, head), pixels[:2], "covid").shape == (2, SIDE, SIDE)


@pytest.mark.parametrize(
    ("name", "asked", "boundary", "chosen"),
    [
        ("mobilenet_v2", None, None, "depths"),
        ("mobilenet_v2", None, FIRST, "depths"),
        ("mobilenet_v2", None, ALL, "depths"),
        ("mobilenet_v2", None, LAST, "last"),
        ("mobilenet_v2", "last", None, "last"),
        ("vgg16", None, None, "last"),
        ("vgg16", "depths", None, "depths"),
        ("basic_cnn", None, None, "last"),
    ],
)
def test_features_are_a_backbones_own_unless_asked(
    name: str, asked: FeatureKind | None, boundary: str | None, chosen: str
) -> None:
    """Each backbone has its features; fine-tuning from above the lowest boundary takes those of the last layer."""
    assert choose_features(BACKBONES[name], asked, boundary) == chosen


@pytest.mark.parametrize(
    ("name", "boundary", "message"),
    [
        ("mobilenet_v2", LAST, f"begin at {FIRST}"),
        ("basic_cnn", None, "no maps of several depths"),
        ("vgg19_extended", None, "no maps of several depths"),
        ("vit_b16", None, "no maps of several depths"),
    ],
)
def test_depths_that_cannot_be_had_are_refused(name: str, boundary: str | None, message: str) -> None:
    """A backbone without maps, or a boundary above some of them, is an error that says what to do."""
    with pytest.raises(ConfigurationError, match=message):
        choose_features(BACKBONES[name], "depths", boundary)
