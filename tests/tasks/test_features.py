"""Features through the cache: of the images and of views, computed once, and never those of another network."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from storage.shards import array_bytes, shard_key
from storage.store import Store
from tasks.features import gather_features, pool_places
from xray_model.config import Augmentation
from xray_model.data.looks import AS_THEY_ARE, LUNGS_ALONE, LUNGS_HIDDEN, AugmentedView, Look
from xray_model.network import inference
from xray_model.network.network import fingerprint

if TYPE_CHECKING:
    import keras

SIDE = 24
SHARDS = {"first": 6, "second": 3}
STAGE = "see images"


def frozen_part(seed: int = 0, side: int = 16, scale: float = 1 / 255, *, pooled: bool = True) -> "keras.Model":
    """Resizing, rescaling, one convolution with weights of its own, and a pooling."""
    import keras
    from keras import layers

    pixels = keras.Input((SIDE, SIDE, 1))
    x = layers.Resizing(side, side)(pixels)
    x = layers.Rescaling(scale)(x)
    x = layers.Conv2D(5, 3, kernel_initializer=keras.initializers.GlorotUniform(seed))(x)
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(x) if pooled else x, name="frozen")


@pytest.fixture
def rows(store: Store) -> pd.DataFrame:
    """Nine images in two shards of the store, in no order."""
    rng = np.random.default_rng(0)
    frames = []
    for batch_id, images in SHARDS.items():
        pixels = rng.integers(1, 256, (images, SIDE, SIDE)).astype(np.uint8)
        store.objects.put(shard_key(batch_id, 0), array_bytes(pixels))
        names = [f"{batch_id}{row}" for row in range(images)]
        frames.append(pd.DataFrame({"image_id": names, "batch_id": batch_id, "shard": 0, "row": range(images)}))
    return pd.concat(frames).sample(frac=1, random_state=0)


@pytest.fixture
def forwarded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call sent through a frozen part."""
    calls: list[int] = []
    compute = inference.compute_features

    def spy(frozen: "keras.Model", pixels: np.ndarray) -> np.ndarray:
        calls.append(len(pixels))
        return compute(frozen, pixels)

    monkeypatch.setattr(inference, "compute_features", spy)
    return calls


def pixels_of(store: Store, rows: pd.DataFrame) -> np.ndarray:
    """Canonical pixels of the rows, read without the code under test."""
    shards = {name: store.objects.get(shard_key(name, 0)) for name in SHARDS}
    arrays = {
        name: np.frombuffer(data[-images * SIDE * SIDE :], np.uint8).reshape(images, SIDE, SIDE)
        for (name, data), images in zip(shards.items(), SHARDS.values(), strict=True)
    }
    places = zip(rows["batch_id"].astype(str), rows["row"].to_numpy(np.intp), strict=True)
    return np.stack([arrays[batch_id][row] for batch_id, row in places])


def look_at(view: int, options: Augmentation | None = None) -> Look:
    """The images as they are for 0, else an augmented view of them."""
    return AugmentedView(view, options or Augmentation()) if view else AS_THEY_ARE


def expected(frozen: "keras.Model", store: Store, rows: pd.DataFrame, look: Look) -> np.ndarray:
    """What the frozen part makes of a look at the rows, without any cache."""
    pixels = pixels_of(store, rows)
    pixels = np.concatenate([look.show(one[None], [name]) for one, name in zip(pixels, rows["image_id"], strict=True)])
    return np.asarray(frozen(pixels[..., None].astype(np.float32))).astype(np.float16)


def near(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal but for one step of float16, which a batch of another size may make."""
    return np.allclose(left, right, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("pooled", [True, False], ids=["pooled", "activations"])
@pytest.mark.parametrize(
    "look", [AS_THEY_ARE, AugmentedView(1), AugmentedView(7), LUNGS_HIDDEN, LUNGS_ALONE], ids=lambda look: look.mark
)
def test_features_belong_to_their_rows(store: Store, rows: pd.DataFrame, look: Look, pooled: bool) -> None:
    """Features come in the order of the rows, of the look asked for, and the second time bit-equal from the cache."""
    frozen = frozen_part(pooled=pooled)
    first = gather_features(store, frozen, rows, STAGE, look)
    assert near(first.features, expected(frozen, store, rows, look))
    again = gather_features(store, frozen, rows, STAGE, look)
    assert np.array_equal(first.features, again.features)
    assert (first.computed, first.reused) == (9, 0)
    assert (again.computed, again.reused) == (0, 9)


def test_activations_can_be_had_as_their_averages(store: Store, rows: pd.DataFrame) -> None:
    """Over the places of each map, from the same cache; what is pooled already stays as it is."""
    frozen = frozen_part(pooled=False)
    whole = gather_features(store, frozen, rows, STAGE).features
    averages = gather_features(store, frozen, rows, STAGE, pooled=True)
    assert averages.reused == 9
    assert near(averages.features, whole.astype(np.float32).mean(axis=(1, 2)).astype(np.float16))
    vectors = gather_features(store, frozen_part(), rows, STAGE).features
    assert np.array_equal(pool_places(vectors), vectors)


def test_a_view_of_some_images_costs_those_images(store: Store, rows: pd.DataFrame, forwarded: list[int]) -> None:
    """A view is computed of the rows asked for and no other; further rows join them in the cache."""
    frozen = frozen_part()
    minority = rows[rows["image_id"].isin(["first1", "first4", "second0"])]
    gather_features(store, frozen, minority, STAGE, AugmentedView(1))
    assert forwarded == [2, 1]
    everything = gather_features(store, frozen, rows, STAGE, AugmentedView(1))
    assert forwarded == [2, 1, 4, 2]
    assert (everything.computed, everything.reused) == (6, 3)
    assert near(everything.features, expected(frozen, store, rows, AugmentedView(1)))


def test_an_image_may_be_asked_for_twice(store: Store, rows: pd.DataFrame, forwarded: list[int]) -> None:
    """A row that stands there several times is computed once."""
    twice = rows[rows["image_id"] == "first2"].sample(3, replace=True)
    features = gather_features(store, frozen_part(), twice, STAGE, AugmentedView(2)).features
    assert forwarded == [1]
    assert np.array_equal(features[0], features[2])


def test_views_leave_the_images_as_they_are(store: Store, rows: pd.DataFrame) -> None:
    """What evaluation and predictions read is bit-equal before and after views were made, and differs from them."""
    frozen = frozen_part()
    before = gather_features(store, frozen, rows, STAGE).features
    seen = [gather_features(store, frozen, rows, STAGE, look_at(view)).features for view in (1, 2)]
    after = gather_features(store, frozen, rows, STAGE).features
    assert np.array_equal(before, after)
    for first, second in [(before, seen[0]), (before, seen[1]), (seen[0], seen[1])]:
        assert (np.abs(first.astype(float) - second).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize("changed", ["weights", "side", "preprocessing", "augmentation"])
@pytest.mark.parametrize("view", [0, 1])
def test_old_features_are_never_read(
    store: Store, rows: pd.DataFrame, changed: str, view: int, tmp_path: Path, forwarded: list[int]
) -> None:
    """Another weight file, input size, preprocessing or augmentation has features of its own, computed anew."""
    frozen, options = frozen_part(), Augmentation()
    old = gather_features(store, frozen, rows, STAGE, look_at(view, options)).features
    if changed == "weights":
        frozen_part(seed=1).save_weights(tmp_path / "other.weights.h5")
        frozen.load_weights(tmp_path / "other.weights.h5")
    elif changed == "side":
        frozen = frozen_part(side=20)
    elif changed == "preprocessing":
        frozen = frozen_part(scale=1 / 127.5)
    else:
        options = Augmentation(rotation=20)
    new = gather_features(store, frozen, rows, STAGE, look_at(view, options))
    if changed == "augmentation" and view == 0:
        assert new.reused == 9  # the images themselves know nothing of augmentation
        assert np.array_equal(new.features, old)
    else:
        assert new.computed == 9
        assert forwarded == [6, 3, 6, 3]
        assert near(new.features, expected(frozen, store, rows, look_at(view, options)))
        assert not near(new.features, old)


@pytest.mark.parametrize("view", [0, 1])
def test_a_truncated_file_is_computed_again(store: Store, rows: pd.DataFrame, view: int) -> None:
    """A cache file cut short is replaced by a whole one, and the features are the same."""
    frozen = frozen_part()
    first = gather_features(store, frozen, rows, STAGE, look_at(view)).features
    files = {info.key: store.objects.get(info.key) for info in store.objects.list("features/")}
    assert len(files) == 2
    for key, data in files.items():
        store.objects.put(key, data[: len(data) // 2])
    again = gather_features(store, frozen, rows, STAGE, look_at(view))
    assert again.computed == 9
    assert np.array_equal(first, again.features)
    assert {key: store.objects.get(key) for key in files} == files


def test_a_part_without_weights_is_not_cached(store: Store, rows: pd.DataFrame) -> None:
    """What preprocessing alone makes is computed each time and leaves nothing in the store."""
    import keras
    from keras import layers

    pixels = keras.Input((SIDE, SIDE, 1))
    frozen = keras.Model(pixels, layers.Rescaling(1 / 255)(layers.Resizing(8, 8)(pixels)), name="frozen")
    for view in (0, 1, 0):
        gathered = gather_features(store, frozen, rows, STAGE, look_at(view))
        assert gathered.computed == 9
        assert near(gathered.features, expected(frozen, store, rows, look_at(view)))
    assert list(store.objects.list("features/")) == []


@pytest.mark.parametrize("view", [0, 1])
def test_what_does_not_fit_is_computed_anew(
    home: Path,
    store: Store,
    rows: pd.DataFrame,
    view: int,
    forwarded: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Past the bound the rows asked for are computed each time, right all the same, and the log says so."""
    from storage.settings import Settings
    from storage.store import open_store

    frozen = frozen_part()
    some = rows[rows["image_id"].isin(["first0", "first1", "first5", "second1"])]
    monkeypatch.setenv("XRAY_FEATURE_BYTES", "40")  # two of these images at most
    small = open_store(Settings())
    with caplog.at_level(logging.WARNING):
        found = [gather_features(small, frozen, some, STAGE, look_at(view)).features for _ in range(2)]
    assert "XRAY_FEATURE_BYTES" in caplog.text
    kept = list(store.objects.list(f"features/{fingerprint(frozen)}/first/"))
    assert kept == []
    assert forwarded[0] == 3
    assert np.array_equal(found[0], found[1])
    assert near(found[0], expected(frozen, store, some, look_at(view)))
