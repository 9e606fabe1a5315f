"""The network: what is saved is what was trained, and the cache's fingerprint tells networks apart."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from xray_model.errors import InvalidInput, WeightsError
from xray_model.network import inference, network
from xray_model.network.backbones import BACKBONES, Weights, build_frozen

SIDE = 80
CLASSES = ("covid", "normal")


def test_two_parts_equal_the_whole(pixels: np.ndarray) -> None:
    """Features kept as float16 and then the head give the whole network's predictions to 1e-2."""
    for name in ("basic_cnn", "mobilenet_v2"):
        frozen, _ = build_frozen(BACKBONES[name], SIDE, 64, Weights("none"))
        head = network.build_head(BACKBONES[name], frozen.output_shape[1:], CLASSES, dropout=0.5)
        by_parts = inference.predict_features(head, inference.compute_features(frozen, pixels))
        whole = network.join(frozen, head).predict(pixels[..., None], verbose=0)
        assert np.abs(by_parts - whole).max() < 1e-2


def test_fingerprint_is_stable_and_tells_apart(tmp_path: Path) -> None:
    """Building again or loading keeps the fingerprint; another input side, weight or backbone changes it."""
    backbone = BACKBONES["basic_cnn"]
    frozen, _ = build_frozen(backbone, SIDE, 64, Weights("none"))
    again, _ = build_frozen(backbone, SIDE, 64, Weights("none"))
    head = network.build_head(backbone, frozen.output_shape[1:], CLASSES, dropout=0.0)
    network.save(network.join(frozen, head), tmp_path / "m.keras")
    loaded, _ = network.split(network.load(tmp_path / "m.keras"))
    mark = network.fingerprint(frozen)
    assert network.fingerprint(again) == network.fingerprint(loaded) == mark
    others = [
        build_frozen(backbone, SIDE, 48, Weights("none"))[0],
        build_frozen(BACKBONES["mobilenet_v2"], SIDE, 64, Weights("none"))[0],
        build_frozen(BACKBONES["mobilenet_v2"], SIDE, 64, Weights("none"))[0],
    ]
    assert len({mark, *map(network.fingerprint, others)}) == 4


def test_frozen_part_never_learns() -> None:
    """The frozen part has no weight to train."""
    frozen, _ = build_frozen(BACKBONES["mobilenet_v2"], SIDE, 64, Weights("none"))
    assert frozen.trainable_weights == []


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("basic_cnn", Weights("imagenet"), "takes no weights"),
        ("mobilenet_v2", Weights("nowhere.weights.h5"), "there is no weight file"),
    ],
)
def test_impossible_weights_are_refused(name: str, weights: Weights, message: str) -> None:
    """Weights that cannot be used are an error, never silently random."""
    with pytest.raises(WeightsError, match=message):
        build_frozen(BACKBONES[name], SIDE, 64, weights)


def test_wrong_weight_files_are_refused(tmp_path: Path) -> None:
    """A file with another hash, or that is no weight file, is refused by name."""
    path = tmp_path / "some.weights.h5"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="expected"):
        build_frozen(BACKBONES["mobilenet_v2"], SIDE, 64, Weights(str(path), "0" * 64))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match="do not fit"):
        build_frozen(BACKBONES["mobilenet_v2"], SIDE, 64, Weights(str(path), digest))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """Loading something else is an error that says so."""
    (tmp_path / "model.keras").write_bytes(b"PK something")
    with pytest.raises(InvalidInput, match="can be loaded safely"):
        network.load(tmp_path / "model.keras")


def test_saved_model_keeps_offsets_and_decision(tmp_path: Path, pixels: np.ndarray) -> None:
    """Save and load keep the prior's offsets and the decision weights, and the offsets multiply the probabilities."""
    backbone = BACKBONES["basic_cnn"]
    frozen, _ = build_frozen(backbone, SIDE, 64, Weights("none"))
    head = network.build_head(backbone, frozen.output_shape[1:], CLASSES, dropout=0.5)
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
