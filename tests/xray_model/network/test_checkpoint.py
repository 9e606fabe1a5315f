"""A training that was interrupted goes on, and ends as if it had not been."""

import math
from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.training_state import TrainingState
from xray_model.config import TrainingOptions
from xray_model.network import checkpoint, network, training
from xray_model.network.backbones import BACKBONES
from xray_model.network.samples import LabelledFeatures
from xray_model.outcomes import EpochScore

CLASSES = ("covid", "normal")
OPTIONS = TrainingOptions(epochs=6, patience=6, rebalancing="balanced_batches")


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def _write_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "MOST_SHARE", math.inf)


def lesson() -> training.Lesson:
    """Two overlapping clouds."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], [60, 20])
    split = LabelledFeatures((rng.normal(size=(80, 8)) + targets[:, None]).astype(np.float32), targets)
    return training.Lesson(split, split, CLASSES, "normal")


def train(state: Path | None, dies_after: int | None = None, options: TrainingOptions = OPTIONS) -> keras.Model:
    """A trained head, unless it dies."""
    head = network.build_head(BACKBONES["mobilenet_v2"], (8,), CLASSES, dropout=0.5)

    def watch(score: EpochScore) -> None:
        if score.epoch == dies_after:
            raise Killed

    training.fit_head(head, lesson(), options, 0.01, watch, None if state is None else TrainingState(state, None))
    return head


def weights_of(model: keras.Model) -> np.ndarray:
    """All weights in a row."""
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


@pytest.mark.parametrize("rebalancing", ["balanced_batches", "oversample", "mixup_minority"])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    tmp_path: Path, rebalancing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed in its fourth epoch it goes on after the third, ends with the same weights, and leaves no file."""
    options = OPTIONS.model_copy(update={"rebalancing": rebalancing, "head_batch_size": 8})
    with pytest.raises(Killed):
        train(tmp_path / "state.npz", dies_after=4, options=options)
    with caplog.at_level("INFO"):
        resumed = train(tmp_path / "state.npz", options=options)
    assert "goes on after epoch 3" in caplog.text
    assert np.array_equal(weights_of(resumed), weights_of(train(None, options=options)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_damaged_state_begins_anew(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log, and the training is that of a fresh start."""
    (tmp_path / "state.npz").write_bytes(content)
    resumed = train(tmp_path / "state.npz")
    assert "begins anew" in caplog.text
    assert np.array_equal(weights_of(resumed), weights_of(train(None)))
