"""Training: epochs chosen by validation minority F1, and the same seed gives the same model."""

import numpy as np
import pytest

from xray_model.config import TrainingOptions
from xray_model.network import inference, network, training
from xray_model.network.backbones import BACKBONES
from xray_model.outcomes import EpochScore

CLASSES = ("covid", "normal")
OPTIONS = TrainingOptions(epochs=12, patience=4)
LEARNING_RATE = 0.01


def blobs(seed: int, majority: int, minority: int) -> training.LabelledFeatures:
    """Two overlapping clouds of 8-d features, the minority class second."""
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], [majority, minority])
    features = rng.normal(size=(len(targets), 8)) + targets[:, None] * 0.9
    return training.LabelledFeatures(features.astype(np.float32), targets)


def fitted(seed: int = 3, options: TrainingOptions = OPTIONS) -> tuple[training.Fit, np.ndarray, list[EpochScore]]:
    """A head trained on 8:1 clouds, what it predicts, and the epochs it told of."""
    training.set_seed(seed)
    head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.1)
    told: list[EpochScore] = []
    fit = training.fit_head(
        head, blobs(0, 320, 40), blobs(1, 160, 20), CLASSES, "normal", options, LEARNING_RATE, told.append
    )
    return fit, inference.predict_features(head, blobs(1, 160, 20).features), told


def test_best_epoch_by_minority_f1_is_kept() -> None:
    """The weights kept are those of the epoch with the best validation minority F1, which each epoch reports."""
    fit, predicted, told = fitted()
    best = max(score.validation_minority_f1 for score in fit.epochs)
    assert fit.epochs[fit.best_epoch - 1].validation_minority_f1 == best
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
