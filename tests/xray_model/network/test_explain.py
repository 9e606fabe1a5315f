"""Explanations: the heat lies on what decides, in the frame of the pixels, for every backbone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt
import pytest

from xray_model.errors import ConfigurationError, InvalidInput
from xray_model.network import inference, network
from xray_model.network.backbones import BACKBONES, Weights, build_parts
from xray_model.network.explain import explain

if TYPE_CHECKING:
    from tests.xray_model.network.conftest import Small

SIDE, SQUARE = 80, 16


def planted(seed: int, images: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Noise, in every second image with a bright square, which alone makes it `opaque`; and where the squares are."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (images, SIDE, SIDE)).astype(np.uint8)
    inside = np.zeros(pixels.shape, bool)
    for place in range(1, images, 2):
        row, column = SQUARE * rng.integers(0, SIDE // SQUARE, 2)
        inside[place, row : row + SQUARE, column : column + SQUARE] = True
    pixels[inside] = 230
    return pixels, np.arange(images) % 2, inside


@pytest.mark.parametrize("name", ["basic_cnn", "vit_tiny"])
def test_heat_lies_on_what_decides(name: str) -> None:
    """Trained on planted squares, the heat of new images gathers in the twenty-fifth that is their own square."""
    keras.utils.set_random_seed(3)
    backbone = BACKBONES[name]
    frozen = build_parts(backbone, SIDE, SIDE, Weights("none"), None).frozen
    head = network.build_head(backbone, frozen.output_shape[1:], ("normal", "opaque"), dropout=0.0)
    head.compile(keras.optimizers.Adam(backbone.learning_rate), "sparse_categorical_crossentropy")
    pixels, targets, _ = planted(1, 96)
    head.fit(inference.compute_features(frozen, pixels), targets, epochs=8, batch_size=16, verbose=0)
    pixels, _, inside = planted(2, 40)
    maps = explain(network.join(frozen, head), pixels[1::2], "opaque")
    share = (maps * inside[1::2]).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    assert share.mean() > 0.3
    hottest = [inside[1::2][place].ravel()[each.argmax()] for place, each in enumerate(maps)]
    assert np.mean(hottest) > 0.8


@pytest.mark.parametrize("name", ["mobilenet_v2", "vit_b16"])
def test_saved_model_is_explained_the_same(
    name: str, build: "Callable[[str], Small]", pixels: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    """A model that was cut for fine-tuning has the same heat maps before and after it was saved."""
    model = build(name).model
    network.save(model, tmp_path / "model.keras")
    loaded = network.load(tmp_path / "model.keras")
    for label in ("covid", "normal"):
        before = explain(model, pixels[:2], label)
        assert np.abs(explain(loaded, pixels[:2], label) - before).max() < 1e-4


def test_no_image_no_map() -> None:
    """None in, none out."""
    backbone = BACKBONES["basic_cnn"]
    frozen = build_parts(backbone, 32, 32, Weights("none"), None).frozen
    model = network.join(frozen, network.build_head(backbone, frozen.output_shape[1:], ("a", "b"), 0.0))
    assert explain(model, np.zeros((0, 32, 32), np.uint8), "a").shape == (0, 32, 32)


def test_what_cannot_be_explained_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class the model does not know, and a backend without gradients here, are errors that say so."""
    backbone = BACKBONES["basic_cnn"]
    frozen = build_parts(backbone, 32, 32, Weights("none"), None).frozen
    model = network.join(frozen, network.build_head(backbone, frozen.output_shape[1:], ("a", "b"), 0.0))
    pixels = np.zeros((1, 32, 32), np.uint8)
    with pytest.raises(InvalidInput, match="it tells a, b apart"):
        explain(model, pixels, "c")
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ConfigurationError, match="KERAS_BACKEND"):
        explain(model, pixels, "a")
