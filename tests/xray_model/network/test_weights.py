"""Weights: what is loaded is what was asked for, said with its hash, and anything else is refused by name."""

import hashlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from tests.xray_model.network.conftest import teach
from tests.xray_model.network.narrow import CANONICAL, NARROW, PIXELS, SIDE, run
from xray_model.errors import WeightsError
from xray_model.network import network
from xray_model.network.backbones import BACKBONES, CHAMPION, Parts, Weights, build_parts, find_backbone


def published(alpha: float = 0.35, *, top: bool = False) -> keras.Model:
    """MobileNetV2 as Keras has it, every weight of its own value."""
    settings = {"classes": 10} if top else {"pooling": "avg"}
    model = keras.applications.MobileNetV2((SIDE, SIDE, 3), alpha, include_top=top, weights=None, **settings)
    rng = np.random.default_rng(5)
    model.set_weights([rng.uniform(0.1, 0.3, weight.shape) for weight in model.weights])
    return model


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weight files, one good in each of Keras' two formats and many that are not."""
    folder = tmp_path_factory.mktemp("weights")
    model = published()
    model.save_weights(folder / "good.weights.h5")
    write_as_published(model, folder / "good_no_top.h5")
    write_as_published(published(top=True), folder / "top.h5")
    published(top=True).save_weights(folder / "top.weights.h5")
    published(0.5).save_weights(folder / "wider.weights.h5")
    data = (folder / "good.weights.h5").read_bytes()
    (folder / "short.weights.h5").write_bytes(data[: len(data) // 2])
    (folder / "page.weights.h5").write_bytes(b"<!doctype html><title>404</title>")
    (folder / "empty.weights.h5").write_bytes(b"")
    (folder / "good.bin").write_bytes(data)
    return folder


def write_as_published(model: keras.Model, path: Path) -> None:
    """Write an `.h5` as Keras 2 did, by layer, which is how the applications' weights are published."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["keras_version"] = b"2.15.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{place}" for place, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = np.asarray(keras.ops.convert_to_numpy(weight))


def build(weights: Weights, boundary: str | None = None) -> Parts:
    """The narrow MobileNetV2 with some weights."""
    return build_parts(NARROW, CANONICAL, SIDE, weights, boundary)


@pytest.mark.parametrize("name", ["good.weights.h5", "good_no_top.h5"])
def test_file_is_loaded_and_told_with_its_hash(files: Path, name: str) -> None:
    """The backbone gives what Keras' own network gives with that file, and the words hold the sha256."""
    digest = hashlib.sha256((files / name).read_bytes()).hexdigest()
    parts = build(Weights(str(files / name), digest))
    assert parts.words == f"file {name}, sha256 {digest[:16]}"
    assert parts.weights_sha256 == digest
    seen = keras.layers.Resizing(SIDE, SIDE, antialias=True)(PIXELS.astype(np.float32))
    expected = run(published(), np.repeat(np.asarray(seen), 3, axis=-1) / 127.5 - 1)
    assert np.abs(run(parts.frozen) - expected).max() < 1e-5 * np.abs(expected).max()


def test_object_of_a_store_is_told_by_its_address(files: Path) -> None:
    """What a task fetched is named as the options name it, not by the temporary copy."""
    parts = build(Weights("store:weights/x.weights.h5", file=files / "good.weights.h5"))
    assert parts.words.startswith("store:weights/x.weights.h5, sha256 ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("top.h5", "without its top"),
        ("top.weights.h5", "without its top"),
        ("wider.weights.h5", "do not fit mobilenet_v2 at side 32"),
        ("short.weights.h5", "cut short"),
        ("page.weights.h5", "page may have been saved"),
        ("empty.weights.h5", "is no HDF5 file"),
        ("good.bin", "not named as Keras wants"),
        ("nowhere.weights.h5", "there is no weight file nowhere"),
    ],
)
def test_wrong_file_is_refused(files: Path, name: str, message: str) -> None:
    """A file that is missing, damaged, of another shape or with a top is an error that says which and what to do."""
    with pytest.raises(WeightsError, match=message):
        build(Weights(str(files / name)))


def test_other_hash_is_refused(files: Path) -> None:
    """A file with another sha256 than expected is not loaded."""
    with pytest.raises(WeightsError, match="expected 0000"):
        build(Weights(str(files / "good.weights.h5"), "0" * 64))


def test_weights_of_another_backbone_are_refused(files: Path) -> None:
    """A file made for one backbone is not loaded into another, nor any into one trained from the start."""
    with pytest.raises(WeightsError, match="do not fit"):
        build_parts(BACKBONES["vgg16"], CANONICAL, SIDE, Weights(str(files / "good.weights.h5")), None)
    for name in ("basic_cnn", "vit_tiny"):
        with pytest.raises(WeightsError, match="takes no weights"):
            build_parts(BACKBONES[name], CANONICAL, SIDE, Weights("imagenet"), None)


def test_imagenet_is_told_with_the_hash_of_keras_own_copy(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that Keras keeps is named in the words with its sha256."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    (tmp_path / "models").mkdir()
    data = (files / "good_no_top.h5").read_bytes()
    (tmp_path / "models" / name).write_bytes(data)
    parts, digest = build(Weights("imagenet")), hashlib.sha256(data).hexdigest()
    assert parts.words == f"ImageNet by Keras, file {name}, sha256 {digest[:16]}"
    assert parts.weights_sha256 == digest


@pytest.fixture(scope="module")
def champion(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tuned model in service: cut at a boundary, with a head that tells covid from normal."""
    parts = build(Weights(str(files / "good.weights.h5")), "block_12_add")
    assert parts.upper is not None
    head = teach(network.build_head(NARROW, parts.upper.output_shape[1:], ("covid", "normal"), 0.5))
    path = tmp_path_factory.mktemp("champion") / "model.keras"
    network.save(network.join(parts.frozen, network.extend_head(parts.upper, head)), path)
    return path


@pytest.mark.parametrize("boundary", [None, "block_15_add"])
def test_warm_start_takes_all_that_the_champion_learnt(champion: Path, boundary: str | None) -> None:
    """Wherever the new network is cut, it predicts as the model in service before it is trained."""
    parts = build(Weights(CHAMPION, file=champion), boundary)
    features = parts.frozen if parts.upper is None else parts.upper
    head = network.build_head(NARROW, features.output_shape[1:], ("covid", "normal"), 0.5)
    head = head if parts.upper is None else network.extend_head(parts.upper, head)
    assert parts.champion is not None
    assert network.warm_start(head, parts.champion)
    expected = run(network.load(champion))
    assert np.abs(run(network.join(parts.frozen, head)) - expected).max() < 1e-5
    assert parts.words.startswith("warm start from the model in service, sha256 ")


def test_warm_start_keeps_the_scale_it_was_learnt_at(champion: Path) -> None:
    """What the champion learnt holds for features standardised as its own were; a head from the start takes the new."""
    parts = build(Weights(CHAMPION, file=champion))
    assert parts.champion is not None
    learnt = network.split(parts.champion)[1].get_layer("standardise")
    learnt.mean.assign(np.full(learnt.mean.shape, 3.0))
    heads = [network.build_head(NARROW, parts.frozen.output_shape[1:], ("covid", "normal"), 0.5) for _ in range(2)]
    network.warm_start(heads[0], parts.champion)
    features = np.random.default_rng(0).normal(5, 2, (20, *parts.frozen.output_shape[1:]))
    for head, mean in zip(heads, (3.0, 5.0), strict=True):
        network.standardise(head, features)
        assert np.array(head.get_layer("standardise").mean).mean() == pytest.approx(mean, abs=0.2)


def test_warm_start_leaves_another_classifier_alone(champion: Path) -> None:
    """Where the classes differ the classifier starts anew, and the rest is the champion's."""
    parts = build(Weights(CHAMPION, file=champion))
    head = network.build_head(NARROW, parts.frozen.output_shape[1:], ("covid", "normal", "pneumonia"), 0.5)
    before = head.get_weights()
    assert parts.champion is not None
    assert not network.warm_start(head, parts.champion)
    assert all(np.array_equal(old, new) for old, new in zip(before, head.get_weights(), strict=True))


def test_warm_start_of_what_is_trained_from_the_start(tmp_path: Path) -> None:
    """The small network's head is all there is to take."""
    backbone = BACKBONES["basic_cnn"]
    first = build_parts(backbone, CANONICAL, SIDE, Weights("none"), None)
    heads = [network.build_head(backbone, first.frozen.output_shape[1:], ("a", "b"), 0.5) for _ in range(2)]
    network.save(network.join(first.frozen, teach(heads[0])), tmp_path / "model.keras")
    parts = build_parts(backbone, CANONICAL, SIDE, Weights(CHAMPION, file=tmp_path / "model.keras"), None)
    assert parts.champion is not None
    assert network.warm_start(heads[1], parts.champion)
    assert np.array_equal(run(network.join(parts.frozen, heads[1])), run(network.load(tmp_path / "model.keras")))


def test_warm_start_of_another_head_is_refused(champion: Path) -> None:
    """A head with a layer that the champion's has not, or of another width, is an error that says what to take."""
    parts = build(Weights(CHAMPION, file=champion))
    head = network.build_head(NARROW, parts.frozen.output_shape[1:], ("covid", "normal"), 0.5, hidden_units=8)
    assert parts.champion is not None
    with pytest.raises(WeightsError, match="has no hidden of this shape: it has other features or hidden units"):
        network.warm_start(head, parts.champion)


@pytest.mark.parametrize(
    ("name", "alpha", "side", "message"),
    [
        ("vgg16", None, 32, "is mobilenet_v2 at side 32, not vgg16 at side 32"),
        ("mobilenet_v2", 0.35, 40, "not mobilenet_v2 at side 40"),
        ("mobilenet_v2", 0.5, 32, "its width differs"),
    ],
)
def test_champion_of_another_kind_is_refused(
    champion: Path, name: str, alpha: float | None, side: int, message: str
) -> None:
    """A warm start needs the same backbone, side and width."""
    with pytest.raises(WeightsError, match=message):
        build_parts(find_backbone(name, alpha), CANONICAL, side, Weights(CHAMPION, file=champion), None)


def test_a_hash_that_no_file_has_is_refused() -> None:
    """An expected hash holds for random weights as well, which have none."""
    with pytest.raises(WeightsError, match="of no file"):
        build(Weights("none", "0" * 64))


def test_without_a_champion_there_is_no_warm_start(files: Path) -> None:
    """No model in service, or a file that is none, is an error."""
    with pytest.raises(WeightsError, match="no model in service"):
        build(Weights(CHAMPION))
    with pytest.raises(WeightsError, match="cannot be started from"):
        build(Weights(CHAMPION, file=files / "page.weights.h5"))


@pytest.mark.real
@pytest.mark.parametrize("alpha", [1.0, 0.35])
def test_real_weights(shared_data: Path, alpha: float) -> None:
    """The published ImageNet weights load, tell pictures apart, and no activation at a boundary exceeds float16."""
    path = shared_data / "weights" / f"mobilenet_v2_{alpha}_224_no_top.weights.h5"
    backbone = find_backbone("mobilenet_v2", alpha)
    pixels = np.random.default_rng(2).integers(0, 256, (2, 224, 224, 1)).astype(np.uint8)
    pixels[1] = 0
    for boundary in (None, *backbone.boundaries):
        parts = build_parts(backbone, 224, 224, Weights(str(path)), boundary)
        activations = run(parts.frozen, pixels)
        assert 0.1 < np.abs(activations).max() < 1000
        assert np.abs(activations[0] - activations[1]).max() > 0.1
