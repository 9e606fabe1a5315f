"""The second stage: the upper part of a backbone learns with the head, and never makes the model worse."""

from pathlib import Path

import keras
import numpy as np
import pytest

from xray_model.config import TrainingOptions
from xray_model.network import inference, network, training
from xray_model.network.backbones import ALL, BACKBONES, Parts, Weights, build_parts
from xray_model.network.samples import LabelledFeatures

SIDE = 32
CLASSES = ("covid", "normal")
OPTIONS = TrainingOptions(epochs=3, fine_tune_epochs=3, batch_size=8, rebalancing="none", dropout=0.0)
BACKBONE = BACKBONES["mobilenet_v2"]


def draw(seed: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 [n, 32, 32] and class numbers: the second class has stripes."""
    rng = np.random.default_rng(seed)
    targets = np.arange(images) % 2
    pixels = rng.integers(60, 120, (images, SIDE, SIDE))
    pixels[targets == 1, ::4] += 90
    return pixels.astype(np.uint8), targets.astype(np.intp)


def lesson_of(frozen: keras.Model | None) -> training.Lesson:
    """What a frozen part makes of drawn images, or their pixels."""

    def see(seed: int, images: int) -> LabelledFeatures:
        pixels, targets = draw(seed, images)
        return LabelledFeatures(
            pixels[..., None] if frozen is None else inference.compute_features(frozen, pixels), targets
        )

    return training.Lesson(see(0, 32), see(1, 16), CLASSES, "normal")


def train_head() -> tuple[keras.Model, training.Fit]:
    """A head trained on pooled features of random weights that are the same each time."""
    parts = build_parts(BACKBONE, SIDE, SIDE, Weights("none"), None)
    head = network.build_head(BACKBONE, parts.frozen.output_shape[1:], CLASSES, dropout=0.0)
    return head, training.fit_head(head, lesson_of(parts.frozen), OPTIONS, 1e-2)


def cut_again(boundary: str) -> Parts:
    """The same backbone cut at a boundary."""
    return build_parts(BACKBONE, SIDE, SIDE, Weights("none"), boundary)


@pytest.mark.parametrize("boundary", [BACKBONE.boundaries[-1], pytest.param(ALL, marks=pytest.mark.slow)])
def test_fine_tuning_goes_on_from_the_head(boundary: str, tmp_path: Path) -> None:
    """The upper part learns, batch normalisation stays as it was, and the epochs of both stages are told in order."""
    head, first = train_head()
    parts = cut_again(boundary)
    assert parts.upper is not None
    before = {weight.path: keras.ops.convert_to_numpy(weight) for weight in parts.upper.weights}
    whole = network.extend_head(parts.upper, head)
    model = network.join(parts.frozen, whole)
    learner, seen = (model, None) if boundary == ALL else (whole, parts.frozen)
    fit = training.fine_tune(learner, lesson_of(seen), OPTIONS, 1e-3, first)
    assert [score.stage for score in fit.epochs] == ["head"] * len(first.epochs) + ["fine-tune"] * 3
    assert [score.epoch for score in fit.epochs] == list(range(1, len(fit.epochs) + 1))
    after = {weight.path: keras.ops.convert_to_numpy(weight) for weight in parts.upper.weights}
    moved = {path: not np.array_equal(before[path], after[path]) for path in after}
    assert any(moved.values()) == (fit.best_epoch > len(first.epochs))
    assert not any(changed for path, changed in moved.items() if "moving" in path)
    network.save(model, tmp_path / "m.keras")
    pixels, _ = draw(2, 4)
    predicted = model.predict(pixels[..., None], verbose=0)
    loaded = network.load(tmp_path / "m.keras")
    assert np.abs(loaded.predict(pixels[..., None], verbose=0) - predicted).max() < 1e-6
    assert network.class_names(loaded) == CLASSES


def test_a_second_stage_that_is_no_better_changes_nothing() -> None:
    """With a learning rate that ruins it, the model predicts as the head alone did."""
    head, first = train_head()
    parts = cut_again(BACKBONE.boundaries[-1])
    assert parts.upper is not None
    whole = network.extend_head(parts.upper, head)
    lesson = lesson_of(parts.frozen)
    before = inference.predict_features(whole, lesson.validation.features)
    perfect = training.Fit(
        tuple(
            score.model_copy(update={"validation_minority_f1": 1.0, "validation_loss": 0.0}) for score in first.epochs
        ),
        first.best_epoch,
        first.rebalanced,
    )
    fit = training.fine_tune(whole, lesson, OPTIONS, 0.5, perfect)
    assert fit.best_epoch == first.best_epoch
    assert np.allclose(inference.predict_features(whole, lesson.validation.features), before, atol=1e-6)
