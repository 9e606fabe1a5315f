"""Precision: a backbone may compute in bfloat16, and what is kept, learnt and saved is float32 all the same."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from tests.xray_model.network.conftest import teach
from xray_model.config import Precision
from xray_model.errors import ConfigurationError
from xray_model.network import inference, network, training
from xray_model.network.backbones import BACKBONES, Parts, Weights, build_parts, choose_precision
from xray_model.network.explain import explain

SIDE = 32
CLASSES = ("covid", "normal")


def build(precision: Precision, boundary: str | None = None, name: str = "vgg16") -> Parts:
    """A backbone of the same random weights at each call."""
    training.set_seed(7)
    return build_parts(BACKBONES[name], SIDE, SIDE, Weights("none"), boundary, precision)


@pytest.fixture(scope="module")
def pixels() -> npt.NDArray[np.uint8]:
    """uint8 [6, 32, 32]."""
    return np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE)).astype(np.uint8)


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_bfloat16_computes_nearly_the_same_on_the_same_weights(name: str, pixels: npt.NDArray[np.uint8]) -> None:
    """The weights are equal and float32, the features within 3 % of float32's but not equal, and kept apart."""
    exact, rough = (build(precision, name=name).frozen for precision in ("float32", "bfloat16"))
    assert {layer.compute_dtype for layer in rough.get_layer(name).layers} == {"bfloat16"}
    for weight, same in zip(rough.weights, exact.weights, strict=True):
        assert weight.dtype == "float32"
        assert np.array_equal(keras.ops.convert_to_numpy(weight), keras.ops.convert_to_numpy(same))
    features, wanted = (inference.compute_features(frozen, pixels).astype(np.float32) for frozen in (rough, exact))
    assert 0 < np.linalg.norm(features - wanted) < 0.03 * np.linalg.norm(wanted)
    assert network.fingerprint(rough) != network.fingerprint(exact)
    assert rough.get_layer("preprocess").compute_dtype == "float32"


def test_layers_built_afterwards_are_float32() -> None:
    """Building a backbone in bfloat16 leaves no other layer in it."""
    build("bfloat16")
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_a_fine_tuned_model_in_bfloat16_is_saved_and_explained(pixels: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    """Cut at a boundary and joined, it gives float32 probabilities and heat, and after loading the very same."""
    parts = build("bfloat16", BACKBONES["vgg16"].boundaries[-1])
    assert parts.upper is not None
    head = teach(network.build_head(BACKBONES["vgg16"], parts.upper.output_shape[1:], CLASSES, dropout=0.0))
    model = network.join(parts.frozen, network.extend_head(parts.upper, head))
    network.save(model, tmp_path / "model.keras")
    loaded = network.load(tmp_path / "model.keras")
    predicted = model.predict(pixels[..., None], verbose=0)
    assert predicted.dtype == np.float32
    assert np.abs(loaded.predict(pixels[..., None], verbose=0) - predicted).max() < 1e-6
    heat = explain(loaded, pixels, "normal")
    assert heat.dtype == np.float32
    assert np.isfinite(heat).all()


@pytest.mark.parametrize(
    ("flags", "name", "chosen"),
    [
        ("avx2 avx512f avx512_bf16", "vgg19", "bfloat16"),
        ("avx2 amx_bf16", "vgg19", "bfloat16"),
        ("avx2 avx512f", "vgg19", "float32"),
        ("avx512_bf16", "mobilenet_v2", "float32"),
        (None, "vgg19", "float32"),
    ],
)
def test_bfloat16_is_chosen_only_where_it_was_measured_and_the_processor_has_it(
    flags: str | None, name: str, chosen: Precision, tmp_path: Path
) -> None:
    """A VGG on a processor with bfloat16 instructions is computed in it; all else, and where nobody knows, is not."""
    processors = tmp_path / "cpuinfo"
    if flags is not None:
        processors.write_text(f"processor : 0\nflags : fpu {flags} sse\n")
    assert choose_precision(BACKBONES[name], None, processors) == chosen


def test_what_is_asked_for_is_taken_or_refused(tmp_path: Path) -> None:
    """The options overrule processor and registry, but nothing is said to compute in what it does not."""
    unknown = tmp_path / "cpuinfo"
    assert choose_precision(BACKBONES["mobilenet_v2"], "bfloat16", unknown) == "bfloat16"
    with pytest.raises(ConfigurationError, match="leave the precision bfloat16 out"):
        choose_precision(BACKBONES["basic_cnn"], "bfloat16", unknown)
