"""Backbones: each is preprocessed as its weights want, can be cut, trained, saved and loaded, and refuses nonsense."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import applications

from xray_model.config import FROM_THE_START, BackboneName
from xray_model.errors import ConfigurationError
from xray_model.network import network
from xray_model.network.backbones import ALL, BACKBONES, Weights, build_parts, find_backbone
from xray_model.network.backbones.cutting import cut
from xray_model.network.explain import explain
from xray_model.network.layers import Float16Range, Preprocess

if TYPE_CHECKING:
    from tests.xray_model.network.conftest import Small

Build = Callable[[str], "Small"]
Pixels = npt.NDArray[np.uint8]
CUTTABLE = [name for name, backbone in BACKBONES.items() if backbone.boundaries]
PUBLISHED = {
    "vgg16": applications.vgg16,
    "vgg19": applications.vgg19,
    "vgg19_extended": applications.vgg19,
    "resnet50": applications.resnet50,
    "resnet50v2": applications.resnet_v2,
    "inception_v3": applications.inception_v3,
    "densenet121": applications.densenet,
    "mobilenet_v2": applications.mobilenet_v2,
}
INSIDE = {"efficientnet_v2_b0": applications.EfficientNetV2B0, "convnext_tiny": applications.ConvNeXtTiny}


def run(model: keras.Model, inputs: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Outputs as at inference, without tracing a graph; a call that does not say so may drop features."""
    return np.asarray(keras.ops.convert_to_numpy(model(inputs, training=False)))


def test_options_name_every_backbone() -> None:
    """The form's names are the registry's, and those that take no weights are known to it."""
    assert get_args(BackboneName) == tuple(BACKBONES)
    assert {name for name, backbone in BACKBONES.items() if not backbone.pretrained} == FROM_THE_START


@pytest.mark.parametrize("name", BACKBONES)
def test_preprocessing_is_the_one_the_weights_were_made_with(name: str) -> None:
    """Gray levels reach the first convolution as Keras' own preprocessing of that network would hand them over."""
    gray = np.linspace(0, 255, 300, dtype=np.float32).reshape(1, 10, 30, 1)
    backbone = BACKBONES[name]
    ours = run(Preprocess(name, backbone.preprocessing, 3), gray)
    photograph = np.repeat(gray, 3, axis=-1)
    if name in PUBLISHED:
        expected = PUBLISHED[name].preprocess_input(photograph.copy())
    elif name in INSIDE:
        published = INSIDE[name](input_shape=(32, 32, 3), include_top=False, weights=None)
        kinds = keras.layers.Rescaling | keras.layers.Normalization
        expected = photograph
        for layer in (layer for layer in published.layers if isinstance(layer, kinds)):
            expected = np.asarray(layer(expected))
    else:
        expected = photograph / 127.5 - 1
    assert np.abs(ours - expected).max() < 1e-4


@pytest.mark.parametrize("name", CUTTABLE)
def test_everything_goes_through_each_boundary(name: str, build: Build) -> None:
    """Each named boundary, and the layer of Grad-CAM, cuts the network in two."""
    made = build(name)
    body = made.whole.frozen.get_layer(name)
    camera = () if made.backbone.cam_layer is None else (made.backbone.cam_layer,)
    trunk = {layer.name for layer in made.backbone.trunk()}
    for layer in (*made.backbone.boundaries, *(set(camera) - trunk)):
        lower, upper = cut(body, layer)
        assert lower.output_shape == upper.input_shape
        assert len(lower.weights) + len(upper.weights) == len(body.weights)


@pytest.mark.parametrize("name", CUTTABLE)
def test_the_parts_make_the_whole(name: str, build: Build, pixels: Pixels) -> None:
    """What comes out of the upper part after the frozen one is what the uncut backbone gives."""
    made = build(name)
    assert made.cut.upper is not None
    whole = run(made.whole.frozen, pixels[..., None])
    by_parts = run(made.cut.upper, run(made.cut.frozen, pixels[..., None]))
    assert np.abs(by_parts - whole).max() < 1e-5
    assert np.abs(whole).max() > 0


@pytest.mark.parametrize("name", BACKBONES)
def test_trains_saves_loads_and_explains(name: str, build: Build, pixels: Pixels, tmp_path: Path) -> None:
    """Every backbone trains two epochs, moving averages unmoved, loads to the same predictions, and explains them."""
    made = build(name)
    frozen, head = made.cut.frozen, made.head
    still = [weight for weight in head.non_trainable_weights if "moving" in weight.path]
    before, kept = [np.array(weight) for weight in head.trainable_weights], [np.array(weight) for weight in still]
    head.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", run_eagerly=True)
    head.fit(
        run(frozen, pixels[..., None]), np.arange(len(pixels)) % 2, batch_size=6, epochs=2, shuffle=False, verbose=0
    )
    assert any(not np.array_equal(old, np.array(new)) for old, new in zip(before, head.trainable_weights, strict=True))
    assert all(np.array_equal(old, np.array(new)) for old, new in zip(kept, still, strict=True))
    assert frozen.trainable_weights == []
    network.save(made.model, tmp_path / "model.keras")
    loaded = network.load(tmp_path / "model.keras")
    predicted = run(made.model, pixels[..., None])
    assert np.abs(run(loaded, pixels[..., None]) - predicted).max() < 1e-6
    assert predicted.sum(axis=1) == pytest.approx(np.ones(len(pixels)), abs=1e-5)
    assert network.fingerprint(network.split(loaded)[0]) == network.fingerprint(frozen)
    maps = explain(loaded, pixels[:2], "covid")
    assert maps.shape == (2, *pixels.shape[1:])
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert set(np.unique(maps.max(axis=(1, 2)))) <= {0.0, 1.0}


def test_all_leaves_the_preprocessing_alone_frozen(pixels: Pixels) -> None:
    """Where everything may be fine-tuned, the frozen part has no weight and the upper part is the backbone."""
    backbone = BACKBONES["mobilenet_v2"]
    parts = build_parts(backbone, 80, 32, Weights("none"), ALL)
    whole = build_parts(backbone, 80, 32, Weights("none"), None)
    assert parts.upper is not None
    assert parts.frozen.weights == []
    by_parts = run(parts.upper, run(parts.frozen, pixels[..., None]))
    assert np.abs(by_parts - run(whole.frozen, pixels[..., None])).max() < 1e-5


def test_width_is_a_choice_of_mobilenet_alone() -> None:
    """A narrower MobileNetV2 has fewer weights, and other backbones refuse a width."""
    narrow = build_parts(find_backbone("mobilenet_v2", 0.35), 80, 32, Weights("none"), None).frozen
    wide = build_parts(find_backbone("mobilenet_v2"), 80, 32, Weights("none"), None).frozen
    assert narrow.count_params() < wide.count_params() / 3
    with pytest.raises(ConfigurationError, match="one width only"):
        find_backbone("vgg16", 0.5)


@pytest.mark.parametrize(
    ("name", "side", "boundary", "message"),
    [
        ("inception_v3", 64, None, "at least 75"),
        ("vit_tiny", 40, None, "multiple of 16"),
        ("vgg16", 32, "block9_pool", "take one of block1_pool"),
        ("basic_cnn", 32, ALL, "nothing to fine-tune"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, side: int, boundary: str | None, message: str) -> None:
    """A side or a boundary that a backbone does not have is an error that says what to take instead."""
    with pytest.raises(ConfigurationError, match=message):
        build_parts(BACKBONES[name], 80, side, Weights("none"), boundary)


def test_unknown_backbone_is_refused() -> None:
    """A name that is not in the registry is answered with those that are."""
    with pytest.raises(ConfigurationError, match="take one of basic_cnn, vgg16"):
        find_backbone("alexnet")


def test_frozen_activations_fit_in_float16() -> None:
    """What exceeds the largest float16 is cut to it, so the cache holds no infinity."""
    values = np.array([[-1e6, -3.0, 0.0, 65504.0, 7e4]], np.float32)
    assert np.isfinite(run(Float16Range(), values).astype(np.float16)).all()
    assert run(Float16Range(), values)[0, 1:4].tolist() == [-3.0, 0.0, 65504.0]
