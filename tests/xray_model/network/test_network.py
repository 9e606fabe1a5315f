"""The network: what is saved is what was trained, and the cache's fingerprint tells networks apart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.xray_model.network.conftest import teach
from xray_model.errors import InvalidInput
from xray_model.network import inference, network
from xray_model.network.backbones import BACKBONES, Weights, build_frozen, build_parts, find_backbone
from xray_model.network.layers import Preprocessing

SIDE = 80
CLASSES = ("covid", "normal")


def test_two_parts_equal_the_whole(pixels: np.ndarray) -> None:
    """Features kept as float16 and then the head give the whole network's predictions to 1e-2."""
    for name in ("basic_cnn", "mobilenet_v2"):
        frozen, _ = build_frozen(BACKBONES[name], SIDE, 64, Weights("none"))
        head = teach(network.build_head(BACKBONES[name], frozen.output_shape[1:], CLASSES, dropout=0.5))
        by_parts = inference.predict_features(head, inference.compute_features(frozen, pixels))
        whole = network.join(frozen, head).predict(pixels[..., None], verbose=0)
        assert np.abs(by_parts - whole).max() < 1e-2


def frozen_part(
    side: int = 32, boundary: str | None = "block_15_add", seed: int = 1, mode: Preprocessing = "tf"
) -> Any:
    """A narrow MobileNetV2 up to a boundary, the same at each call with the same arguments."""
    backbone = replace(find_backbone("mobilenet_v2", 0.35), preprocessing=mode)
    return build_parts(backbone, SIDE, side, Weights("none"), boundary, seed=seed).frozen


def test_fingerprint_is_stable_and_tells_apart(tmp_path: Path) -> None:
    """Weights, side, preprocessing and boundary change the fingerprint; building again, saving and the head do not."""
    frozen = frozen_part()
    mark = network.fingerprint(frozen)
    features = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)], name="head")
    network.save(network.join(frozen, features), tmp_path / "m.keras")
    loaded, _ = network.split(network.load(tmp_path / "m.keras"))
    assert network.fingerprint(frozen_part()) == network.fingerprint(loaded) == mark
    others = [
        frozen_part(side=48),
        frozen_part(boundary="block_12_add"),
        frozen_part(boundary=None),
        frozen_part(seed=2),
        frozen_part(mode="torch"),
        build_frozen(BACKBONES["basic_cnn"], SIDE, 32, Weights("none"))[0],
    ]
    assert len({mark, *map(network.fingerprint, others)}) == 7


def test_frozen_part_never_learns() -> None:
    """The frozen part has no weight to train."""
    frozen, _ = build_frozen(BACKBONES["mobilenet_v2"], SIDE, 64, Weights("none"))
    assert frozen.trainable_weights == []


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """Loading something else is an error that says so."""
    (tmp_path / "model.keras").write_bytes(b"PK something")
    with pytest.raises(InvalidInput, match="can be loaded safely"):
        network.load(tmp_path / "model.keras")


def test_saved_model_keeps_offsets_and_decision(tmp_path: Path, pixels: np.ndarray) -> None:
    """Save and load keep the prior's offsets and the decision weights, and the offsets multiply the probabilities."""
    backbone = BACKBONES["basic_cnn"]
    frozen, _ = build_frozen(backbone, SIDE, 64, Weights("none"))
    head = teach(network.build_head(backbone, frozen.output_shape[1:], CLASSES, dropout=0.5))
    plain = network.join(frozen, head).predict(pixels[..., None], verbose=0)
    network.probabilities_layer(head).log_offsets = (0.0, 1.5)
    network.probabilities_layer(head).decision_weights = (1.0, 0.25)
    network.save(network.join(frozen, head), tmp_path / "model.keras")
    loaded = network.load(tmp_path / "model.keras")
    corrected = plain * np.exp((0.0, 1.5))
    corrected /= corrected.sum(axis=1, keepdims=True)
    assert loaded.predict(pixels[..., None], verbose=0) == pytest.approx(corrected, abs=1e-6)
    assert network.decision_weights(loaded) == (1.0, 0.25)


def test_offsets_are_not_applied_in_training() -> None:
    """A network in training is held to the prior of the images it sees."""
    layer = network.ClassProbabilities(CLASSES, log_offsets=(0.0, 5.0))
    scores = np.zeros((1, 2), np.float32)
    assert np.asarray(layer(scores, training=True)) == pytest.approx(np.full((1, 2), 0.5))
    assert np.asarray(layer(scores))[0, 1] > 0.99
