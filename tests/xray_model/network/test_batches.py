"""Batches for training through the whole network: new views each epoch, the same for the same seed."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.config import Augmentation, TrainingOptions
from xray_model.network import training
from xray_model.network.batches import AugmentedBatches
from xray_model.network.feeding import BeginEpochs, ShuffledBatches
from xray_model.network.network import ClassProbabilities
from xray_model.network.rebalancing import rebalance
from xray_model.network.samples import LabelledFeatures

if TYPE_CHECKING:
    import keras

SIDE = 32
IMAGES = 11
SHOWN = np.array([*range(IMAGES), IMAGES - 1])
"""The last one twice."""


def images() -> np.ndarray:
    """Eleven images uint8 [11, 32, 32, 1]; the target of each is its own number."""
    return np.random.default_rng(0).integers(1, 256, (IMAGES, SIDE, SIDE, 1)).astype(np.uint8)


def batches(workers: int = 2, seed: int = 3, augmentation: Augmentation | None = None) -> AugmentedBatches:
    """Batches of five of all images, the last one twice."""
    targets = np.eye(IMAGES, dtype=np.float32)[SHOWN]
    shuffled = ShuffledBatches(images()[SHOWN], targets, None, batch_size=5, seed=seed)
    return AugmentedBatches(shuffled, augmentation or Augmentation(), seed, workers)


def epoch_of(made: AugmentedBatches, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """All pixels and class numbers of one epoch."""
    made.begin_epoch(epoch)
    pixels, targets = zip(*(made[index] for index in range(len(made))), strict=True)
    return np.concatenate(pixels), np.concatenate(targets).argmax(axis=1)


def train(model: "keras.Model", made: AugmentedBatches, first: int, last: int) -> None:
    """Train as a night does."""
    model.fit(made, initial_epoch=first, epochs=last, shuffle=False, callbacks=[BeginEpochs(made)], verbose=0)


def network() -> "keras.Model":
    """Pixels to scores, with the same weights each time."""
    import keras

    keras.utils.set_random_seed(5)
    stack = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(IMAGES)]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *stack])
    model.compile(keras.optimizers.SGD(0.05), keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


def weights_after(epochs: list[int]) -> np.ndarray:
    """What a network has learnt from all batches of these epochs, one by one."""
    model, made = network(), batches()
    for epoch in epochs:
        made.begin_epoch(epoch)
        for index in range(len(made)):
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
        assert not np.array_equal(view, images()[target, ..., 0])
    twice = pixels[targets == IMAGES - 1]
    assert not np.array_equal(twice[0], twice[1])


def test_labels_stay_with_their_images() -> None:
    """Where nothing is changed, each image stands beside its own target."""
    still = Augmentation(rotation=0, shear=0, zoom=0, shift=0, brightness=0, contrast=0, erase_borders=0)
    pixels, targets = epoch_of(batches(augmentation=still), 2)
    assert np.array_equal(pixels[..., 0], images()[targets, ..., 0])


def test_training_sees_the_planned_epochs() -> None:
    """`fit` learns from each epoch's own batches in their order, and a resumed training from those to come."""
    model = network()
    train(model, batches(), 0, 2)
    assert np.allclose(model.get_weights()[0], weights_after([0, 1]), atol=1e-6)
    train(model, batches(), 2, 3)
    assert np.allclose(model.get_weights()[0], weights_after([0, 1, 2]), atol=1e-6)
    for other in ([0, 1, 0], [1, 0, 2]):
        assert not np.allclose(model.get_weights()[0], weights_after(other), atol=1e-4)


def test_two_trainings_of_one_seed_are_equal() -> None:
    """The same seed gives bit-equal weights, whatever the number of workers."""
    learnt = []
    for workers in (1, 4):
        model = network()
        train(model, batches(workers), 0, 2)
        learnt.append(model.get_weights())
    assert all(np.array_equal(first, second) for first, second in zip(*learnt, strict=True))


def test_batches_are_ready_before_they_are_asked_for() -> None:
    """While the device is busy with one batch, the next ones are made."""
    made = batches()
    made.begin_epoch(0)
    deadline = time.monotonic() + 30
    while not all(made._started[index].done() for index in range(len(made))):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_in_a_worker_reaches_the_training() -> None:
    """An image of which no view can be made stops the training, and is not left out."""
    floats = ShuffledBatches(images().astype(np.float32)[..., 0], np.eye(IMAGES, dtype=np.float32), None, 5, seed=0)
    with pytest.raises((TypeError, ValueError)):
        epoch_of(AugmentedBatches(floats, Augmentation(), seed=0, workers=2), 0)


def test_training_alone_sees_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson with an augmentation trains on views, and validates on the images as they are."""
    import keras

    made: list[Augmentation] = []

    class Spied(AugmentedBatches):
        def __init__(self, images: ShuffledBatches, augmentation: Augmentation, seed: int) -> None:
            made.append(augmentation)
            super().__init__(images, augmentation, seed)

    monkeypatch.setattr(training, "AugmentedBatches", Spied)
    split = LabelledFeatures(images(), np.arange(IMAGES) % 2)
    lesson = training.Lesson(split, split, ("covid", "normal"), "normal")
    options = TrainingOptions(fine_tune_epochs=1, rebalancing="none")
    losses = []
    for augmentation in (None, Augmentation()):
        keras.utils.set_random_seed(5)
        pixels = keras.Input((SIDE, SIDE, 1))
        scores = keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels)))
        model = keras.Model(pixels, ClassProbabilities(("covid", "normal"), name="probabilities")(scores))
        before = training.Fit((), 0, rebalance(split, lesson.classes, options))
        fit = training.fine_tune(model, replace(lesson, augmentation=augmentation), options, 1e-9, before)
        losses.append(fit.epochs[0])
    assert made == [Augmentation()]
    assert losses[0].loss != pytest.approx(losses[1].loss, abs=1e-3)
    assert losses[0].validation_loss == pytest.approx(losses[1].validation_loss, abs=1e-5)
