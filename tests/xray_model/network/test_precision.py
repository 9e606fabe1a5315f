"""Precision: a backbone may compute in bfloat16, and what is kept, learnt and saved is float32 all the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from tests.xray_model.network.conftest import teach
from xray_model.config import Precision, TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.network import inference, network, training
from xray_model.network.backbones import (
    BACKBONES,
    Backbone,
    Parts,
    Weights,
    build_parts,
    choose_precision,
    find_backbone,
)
from xray_model.network.backbones.precision import measure_speed
from xray_model.network.explain import explain
from xray_model.network.samples import LabelledFeatures

SIDE = 32
CLASSES = ("covid", "normal")
NARROW = find_backbone("mobilenet_v2", 0.35)


def build(precision: Precision, boundary: str | None = None, name: str = "vgg16") -> Parts:
    """A backbone of the same random weights at each call."""
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
    assert choose_precision(BACKBONES[name], None, processors=processors) == chosen


def test_what_is_asked_for_is_taken_or_refused(tmp_path: Path) -> None:
    """The options overrule processor and registry, but nothing is said to compute in what it does not."""
    unknown = tmp_path / "cpuinfo"
    for half in ("bfloat16", "float16"):
        assert choose_precision(BACKBONES["mobilenet_v2"], half, processors=unknown) == half
        with pytest.raises(ConfigurationError, match=f"leave the precision {half} out"):
            choose_precision(BACKBONES["basic_cnn"], half, processors=unknown)


@pytest.mark.parametrize(
    ("speeds", "chosen"),
    [
        ({"float32": 100, "bfloat16": 400, "float16": 410}, "bfloat16"),
        ({"float32": 100, "bfloat16": 60, "float16": 350}, "float16"),
        ({"float32": 100, "bfloat16": 115, "float16": 110}, "float32"),
    ],
)
def test_on_a_gpu_the_fastest_is_chosen_by_measurement(speeds: dict[Precision, float], chosen: Precision) -> None:
    """Half precision is taken where it is faster by a fifth, bfloat16 first; one process measures a network once."""
    measured: list[Precision] = []

    def measure(backbone: Backbone, precision: Precision) -> float:
        measured.append(precision)
        return speeds[precision]

    for _ in range(2):
        assert choose_precision(BACKBONES["resnet50"], None, ("gpu:0",), measure=measure) == chosen
    assert len(measured) == len(set(measured))
    assert choose_precision(BACKBONES["basic_cnn"], None, ("gpu:0",), measure=measure) == "float32"


def test_speed_is_measured_in_the_precision_asked_for() -> None:
    """The network that is timed computes in it, and its layers after that are float32 again."""
    built: list[keras.Model] = []
    small = replace(NARROW, default_side=96)

    def build_and_keep(side: int, width: float, weights: str | None) -> keras.Model:
        assert small.build is not None
        built.append(small.build(side, width, weights))
        return built[-1]

    assert measure_speed(replace(small, build=build_and_keep), "bfloat16") > 0
    assert {layer.compute_dtype for layer in built[0].layers} == {"bfloat16"}
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_tuning_in_float16_scales_its_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients too small for float16 are not lost, also where they are accumulated; a head in float32 needs none."""
    used: list[str] = []
    compile_model = keras.Model.compile

    def compile_and_note(self: keras.Model, *given: Any, **settings: Any) -> None:
        used.append(type(settings["optimizer"]).__name__)
        compile_model(self, *given, **settings)

    monkeypatch.setattr(keras.Model, "compile", compile_and_note)
    parts = build_parts(NARROW, SIDE, SIDE, Weights("none"), "block_15_add", "float16")
    assert parts.upper is not None
    pixels = np.random.default_rng(0).integers(0, 256, (16, SIDE, SIDE, 1)).astype(np.float32)
    activations = parts.frozen.predict(pixels, verbose=0)
    targets = np.arange(16) % 2
    lesson = training.Lesson(
        LabelledFeatures(activations, targets), LabelledFeatures(activations, targets), CLASSES, "normal"
    )
    options = TrainingOptions(epochs=1, fine_tune_epochs=4, batch_size=4, gradient_accumulation=2, rebalancing="none")
    head = network.build_head(NARROW, parts.upper.output_shape[1:], CLASSES, dropout=0.0)
    pooled = LabelledFeatures(parts.upper.predict(activations, verbose=0).astype(np.float32), targets)
    first = training.fit_head(head, training.Lesson(pooled, pooled, CLASSES, "normal"), options, 1e-3)
    model = network.extend_head(parts.upper, head)
    before = [np.array(weight) for weight in parts.upper.trainable_weights]
    fit = training.fine_tune(model, lesson, options, 1e-3, first)
    assert used == ["Adam", "LossScaleOptimizer"]
    assert all(np.isfinite(epoch.loss) for epoch in fit.epochs)
    changed = [
        not np.array_equal(old, np.array(new)) for old, new in zip(before, parts.upper.trainable_weights, strict=True)
    ]
    assert fit.best_epoch == 1 or all(changed)
    assert {weight.dtype for weight in parts.upper.weights} == {"float32"}
