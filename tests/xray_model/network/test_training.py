"""Training: epochs chosen by validation minority F1, and the same seed gives the same model."""

from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss

from xray_model.config import Rebalancing, TrainingOptions
from xray_model.network import inference, network, training
from xray_model.network.backbones import BACKBONES
from xray_model.network.rebalancing import STRATEGIES
from xray_model.network.samples import LabelledFeatures
from xray_model.network.selection import is_better
from xray_model.outcomes import EpochScore

CLASSES = ("covid", "normal")
OPTIONS = TrainingOptions(epochs=12, patience=4)
LEARNING_RATE = 0.01


def blobs(seed: int, majority: int, minority: int) -> LabelledFeatures:
    """Two overlapping clouds of 8-d features, the minority class second."""
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], [majority, minority])
    features = rng.normal(size=(len(targets), 8)) + targets[:, None] * 0.9
    return LabelledFeatures(features.astype(np.float32), targets)


LESSON = training.Lesson(blobs(0, 320, 40), blobs(1, 160, 20), CLASSES, "normal")


def fitted(seed: int = 3, options: TrainingOptions = OPTIONS) -> tuple[training.Fit, np.ndarray, list[EpochScore]]:
    """A head trained on 8:1 clouds, what it predicts, and the epochs it told of."""
    head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.1, seed=seed)
    told: list[EpochScore] = []
    fit = training.fit_head(head, LESSON, options, LEARNING_RATE, told.append)
    return fit, inference.predict_features(head, blobs(1, 160, 20).features), told


def test_best_epoch_is_kept() -> None:
    """The weights kept are those of an epoch of which none is better, and F1 is as that epoch was told to have it."""
    fit, predicted, told = fitted()
    kept = fit.epochs[fit.best_epoch - 1]
    best, highest = kept.validation_minority_f1, max(score.validation_minority_f1 for score in fit.epochs)
    assert not any(is_better(score, kept, highest, patients=20) for score in fit.epochs)
    assert list(fit.epochs) == told
    right = (predicted.argmax(axis=1) == 1) & (np.arange(180) >= 160)
    f1 = 2 * right.sum() / ((predicted.argmax(axis=1) == 1).sum() + 20)
    assert f1 == pytest.approx(best, abs=1e-5)


def test_training_stops_when_nothing_gets_better() -> None:
    """No more than `patience` epochs follow the best one."""
    fit, _, _ = fitted(options=OPTIONS.model_copy(update={"epochs": 60, "patience": 3}))
    assert len(fit.epochs) < 60
    assert len(fit.epochs) - fit.best_epoch == 3


def test_same_seed_same_model() -> None:
    """The same data, options and seed give the same epochs and predictions, and another seed others."""
    first, second, other = fitted(), fitted(), fitted(seed=4)
    assert first[0].epochs == second[0].epochs
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("rebalancing", STRATEGIES)
def test_every_strategy_trains_without_touching_the_data(rebalancing: Rebalancing) -> None:
    """Each strategy trains a head that finds the minority class and leaves both splits as they were."""
    splits = [blobs(0, 160, 40), blobs(1, 80, 20)]
    train, validation = (
        LabelledFeatures(split.features, split.targets, views=split.features[None] + np.float32(0.01))
        for split in splits
    )
    head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.1)
    options = OPTIONS.model_copy(update={"rebalancing": rebalancing})
    lesson = training.Lesson(train, validation, CLASSES, "normal")
    fit = training.fit_head(head, lesson, options, LEARNING_RATE)
    assert fit.epochs[fit.best_epoch - 1].validation_minority_f1 > 0.5
    for used, seed, counts in ((train, 0, (160, 40)), (validation, 1, (80, 20))):
        assert np.array_equal(used.features, blobs(seed, *counts).features)


def test_prior_correction_makes_probabilities_true() -> None:
    """After training on oversampled images the corrected share of the minority class is its true share."""
    shares = {}
    for correction in (False, True):
        options = OPTIONS.model_copy(update={"prior_correction": correction})
        _, predicted, _ = fitted(options=options)
        shares[correction] = predicted[:, 1].mean()
    assert shares[False] > 0.2
    assert shares[True] == pytest.approx(20 / 180, abs=0.04)


def test_threshold_is_chosen_on_validation_and_kept_in_the_head() -> None:
    """With a threshold the head holds a weight other than 1 for the minority class alone, without one it holds none."""
    weights = {}
    for threshold in (False, True):
        options = OPTIONS.model_copy(update={"decision_threshold": threshold})
        head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.1)
        lesson = training.Lesson(blobs(0, 320, 40), blobs(1, 240, 30), CLASSES, "normal")
        training.fit_head(head, lesson, options, LEARNING_RATE)
        weights[threshold] = network.probabilities_layer(head).decision_weights
    assert weights[False] == (1.0, 1.0)
    assert weights[True][0] == 1.0
    assert weights[True][1] != 1.0


def test_temperature_is_fitted_on_validation_and_travels_with_the_model(tmp_path: Path) -> None:
    """A head that is too sure of clouds that overlap becomes less sure, of the same classes, also once it is loaded."""
    rng = np.random.default_rng(4)
    targets = np.arange(400) % 2
    train, validation = (
        LabelledFeatures((rng.normal(size=(400, 8)) + 0.4 * targets[:, None]).astype(np.float32), targets) for _ in "ab"
    )
    found = {}
    for scaling in (False, True):
        options = OPTIONS.model_copy(update={"temperature_scaling": scaling, "epochs": 40, "patience": 40})
        head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.0, hidden_units=64)
        training.fit_head(head, training.Lesson(train, validation, CLASSES, "normal"), options, 0.03)
        found[scaling] = (head, inference.predict_features(head, validation.features))
    (plain, before), (head, after) = found[False], found[True]
    assert network.probabilities_layer(plain).temperature == 1.0
    assert network.probabilities_layer(head).temperature > 1.0
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert log_loss(targets, after) < log_loss(targets, before)
    pixels = keras.Input((8,), name="pixels")
    frozen = keras.Model(pixels, keras.layers.Identity()(pixels), name="frozen")
    network.save(network.join(frozen, head), tmp_path / "model.keras")
    _, loaded = network.split(network.load(tmp_path / "model.keras"))
    assert network.probabilities_layer(loaded).temperature == network.probabilities_layer(head).temperature
    assert np.abs(inference.predict_features(loaded, validation.features) - after).max() < 1e-6


def test_a_training_that_diverges_keeps_its_good_epochs() -> None:
    """From the epoch in which weights are no numbers on nothing is better, and what was learnt before is kept."""
    head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.1)
    train, validation = blobs(0, 320, 40), blobs(1, 160, 20)

    def poison(score: EpochScore) -> None:
        if score.epoch == 3:
            train.features[:] = np.nan

    lesson = training.Lesson(train, validation, CLASSES, "normal")
    fit = training.fit_head(head, lesson, OPTIONS.model_copy(update={"rebalancing": "none"}), LEARNING_RATE, poison)
    assert 1 <= fit.best_epoch <= 3
    assert np.isnan(fit.epochs[3].validation_loss)
    assert EpochScore.model_validate_json(fit.epochs[3].model_dump_json()).validation_minority_f1 == 0.0
    assert np.isfinite(inference.predict_features(head, validation.features)).all()
