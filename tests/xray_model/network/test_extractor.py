"""The extractor: it computes what the frozen part would, in whatever company, with the weights as they were."""

from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt
import pytest

from xray_model.network import extractor
from xray_model.network.backbones import BACKBONES, Weights, build_frozen
from xray_model.network.extractor import SIZES, FeatureExtractor, extractor_of, pad

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 64


@pytest.fixture(scope="module")
def pixels() -> npt.NDArray[np.uint8]:
    """More than are computed at a time, uint8 [67, 64, 64]."""
    return np.random.default_rng(1).integers(0, 256, (SIZES[-1] + 3, SIDE, SIDE)).astype(np.uint8)


@pytest.fixture(scope="module")
def frozen() -> keras.Model:
    """A frozen part whose normalisations do something."""
    model, _ = build_frozen(BACKBONES["mobilenet_v2"], SIDE, SIDE, Weights("none"))
    draw = np.random.default_rng(2)
    for variable in model.non_trainable_variables:
        if "moving" in variable.path or "gamma" in variable.path or "beta" in variable.path:
            variable.assign(variable.numpy() + draw.uniform(0, 0.2, variable.shape))
    return model


@pytest.fixture
def foldings(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """The frozen parts that were folded."""
    folded: list[keras.Model] = []
    own: Callable[[keras.Model], extractor._Forward] = extractor._fold

    def watch(model: keras.Model) -> extractor._Forward:
        folded.append(model)
        return own(model)

    monkeypatch.setattr(extractor, "_fold", watch)
    return folded


def test_folded_network_computes_what_the_network_does(
    frozen: keras.Model, pixels: npt.NDArray[np.uint8], foldings: list[keras.Model]
) -> None:
    """Constants and folded normalisations change features by no more than sums in another order do."""
    found = FeatureExtractor(frozen)(pixels)
    assert foldings == [frozen]
    assert found.shape == (len(pixels), 1280)
    assert found.dtype == np.float16
    expected = frozen.predict(pixels[..., None], verbose=0)
    assert expected.std() > 0.01
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=2e-3, atol=2e-3)


def test_an_image_has_the_same_features_in_any_company(frozen: keras.Model, pixels: npt.NDArray[np.uint8]) -> None:
    """Alone, with two others or among all, an image gets the same bits."""
    extract = FeatureExtractor(frozen)
    together = extract(pixels)
    for count in (1, 3, 20):
        assert np.array_equal(extract(pixels[:count]), together[:count])


@pytest.mark.parametrize(("name", "most"), [("mobilenet_v2", 1_000_000), ("basic_cnn", extractor._FOLDED)])
def test_what_gains_nothing_is_not_folded(
    name: str,
    most: int,
    pixels: npt.NDArray[np.uint8],
    foldings: list[keras.Model],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network of more weights than the bound, and a part without any, are computed as Keras does."""
    monkeypatch.setattr(extractor, "_FOLDED", most)
    model, _ = build_frozen(BACKBONES[name], SIDE, SIDE, Weights("none"))
    found = FeatureExtractor(model)(pixels[:2])
    assert np.array_equal(found, model.predict_on_batch(pixels[:2, ..., None]).astype(np.float16))
    assert foldings == []


def test_one_extractor_serves_all_who_ask_until_weights_change() -> None:
    """What a frozen part needs to begin with is done once for all shards, and again once it has other weights."""
    model, _ = build_frozen(BACKBONES["mobilenet_v2"], SIDE, SIDE, Weights("none"))
    before = extractor_of(model)
    assert extractor_of(model) is before
    model.non_trainable_variables[0].assign_add(np.full(model.non_trainable_variables[0].shape, 0.1))
    assert extractor_of(model) is not before


def test_no_image_has_no_features(frozen: keras.Model) -> None:
    """Of no image at all there are no rows, of the right length."""
    assert FeatureExtractor(frozen)(np.zeros((0, SIDE, SIDE), np.uint8)).shape == (0, 1280)


@pytest.mark.parametrize(("count", "size"), [(1, 2), (2, 2), (3, 4), (33, 64), (64, 64)])
def test_batches_are_padded_to_a_known_size(count: int, size: int, pixels: npt.NDArray[np.uint8]) -> None:
    """Black images follow, up to the next size; none where the number is one."""
    padded = pad(pixels[:count])
    assert len(padded) == size
    assert np.array_equal(padded[:count], pixels[:count])
    assert not padded[count:].any()
