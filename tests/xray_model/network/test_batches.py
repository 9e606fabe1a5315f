"""Batches for training through the whole network: new views each epoch, the same for the same seed."""

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.config import Augmentation
from xray_model.network import training
from xray_model.network.batches import AugmentedBatches, LabelledPixels, fit_batches

if TYPE_CHECKING:
    import keras

SIDE = 32
IMAGES = 11


def images() -> LabelledPixels:
    """Eleven images uint8 [32, 32], each with its own number as its target."""
    pixels = np.random.default_rng(0).integers(1, 256, (IMAGES, SIDE, SIDE)).astype(np.uint8)
    return LabelledPixels(pixels, [f"image{number}" for number in range(IMAGES)], np.arange(IMAGES))


def batches(workers: int = 2, seed: int = 3, augmentation: Augmentation | None = None) -> AugmentedBatches:
    """Batches of five of all images, the last one twice."""
    indices = np.array([*range(IMAGES), IMAGES - 1])
    return AugmentedBatches(images(), indices, augmentation or Augmentation(), batch_size=5, seed=seed, workers=workers)


def epoch_of(made: AugmentedBatches, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """All pixels and targets of one epoch."""
    made.begin_epoch(epoch)
    pixels, targets = zip(*(made[index] for index in range(made.num_batches)), strict=True)
    return np.concatenate(pixels), np.concatenate(targets)


def network() -> "keras.Model":
    """Pixels to scores, with the same weights each time."""
    import keras

    training.set_seed(5)
    stack = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(IMAGES)]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *stack])
    model.compile(keras.optimizers.SGD(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def weights_after(epochs: list[int]) -> np.ndarray:
    """What a network has learnt from all batches of these epochs, one by one."""
    model, made = network(), batches()
    for epoch in epochs:
        made.begin_epoch(epoch)
        for index in range(made.num_batches):
            model.train_on_batch(*made[index])
    return np.asarray(model.get_weights()[0])


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_same_seed_makes_the_same_batches(workers: int) -> None:
    """Pixels and order follow from seed and epoch, whatever the number of workers, and change with either."""
    for epoch in (0, 3):
        first, second = epoch_of(batches(1), epoch), epoch_of(batches(workers), epoch)
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])
    assert not np.array_equal(epoch_of(batches(workers), 0)[0], epoch_of(batches(workers), 1)[0])
    assert not np.array_equal(epoch_of(batches(workers), 0)[0], epoch_of(batches(workers, seed=4), 0)[0])


@settings(max_examples=20, deadline=None)
@given(asked=st.lists(st.integers(0, 2), max_size=8))
def test_batches_do_not_depend_on_who_asks_for_them(asked: list[int]) -> None:
    """Batches asked for before, twice or in another order leave those of an epoch as they are."""
    made = batches()
    for index in asked:
        made[index]
    assert np.array_equal(epoch_of(made, 0)[0], epoch_of(batches(), 0)[0])


def test_every_chosen_image_is_seen_once_an_epoch_in_a_view() -> None:
    """An epoch shows each index once, every image changed, and one that stands there twice in two views."""
    pixels, targets = epoch_of(batches(), 0)
    assert sorted(targets.tolist()) == [*range(IMAGES), IMAGES - 1]
    assert pixels.shape == (IMAGES + 1, SIDE, SIDE, 1)
    assert pixels.dtype == np.uint8
    for view, target in zip(pixels[..., 0], targets, strict=True):
        assert not np.array_equal(view, images().pixels[target])
    twice = pixels[targets == IMAGES - 1]
    assert not np.array_equal(twice[0], twice[1])


def test_labels_stay_with_their_images() -> None:
    """Where nothing is changed, each image stands beside its own target."""
    still = Augmentation(rotation=0, shear=0, zoom=0, shift=0, brightness=0, contrast=0, erase_borders=0)
    pixels, targets = epoch_of(batches(augmentation=still), 2)
    assert np.array_equal(pixels[..., 0], images().pixels[targets])


def test_training_sees_the_planned_epochs() -> None:
    """`fit_batches` learns from each epoch's own batches in their order, and a resumed training from those to come."""
    model = network()
    fit_batches(model, batches(), epochs=2, verbose=0)
    assert np.allclose(model.get_weights()[0], weights_after([0, 1]), atol=1e-6)
    fit_batches(model, batches(), initial_epoch=2, epochs=3, verbose=0)
    assert np.allclose(model.get_weights()[0], weights_after([0, 1, 2]), atol=1e-6)
    for other in ([0, 1, 0], [1, 0, 2]):
        assert not np.allclose(model.get_weights()[0], weights_after(other), atol=1e-4)


def test_two_trainings_of_one_seed_are_equal() -> None:
    """The same seed gives bit-equal weights, whatever the number of workers."""
    learnt = []
    for workers in (1, 4):
        model = network()
        fit_batches(model, batches(workers), epochs=2, verbose=0)
        learnt.append(model.get_weights())
    assert all(np.array_equal(first, second) for first, second in zip(*learnt, strict=True))


def test_batches_are_ready_before_they_are_asked_for() -> None:
    """While the device is busy with one batch, the next ones are made."""
    made = batches()
    made.begin_epoch(0)
    deadline = time.monotonic() + 30
    while not all(made._started[index].done() for index in range(made.num_batches)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_in_a_worker_reaches_the_training() -> None:
    """An image without an id stops the training, and is not left out."""
    short = LabelledPixels(images().pixels, ["only one"], images().targets)
    made = AugmentedBatches(short, np.arange(IMAGES), Augmentation(), batch_size=5, seed=0, workers=2)
    with pytest.raises(IndexError):
        epoch_of(made, 0)
