"""Batches that a device cannot hold."""

import numpy as np
import pytest

from xray_model.config import TrainingOptions
from xray_model.network import network, training
from xray_model.network.backbones import BACKBONES
from xray_model.network.memory import fit_in_memory, is_out_of_memory
from xray_model.network.samples import LabelledFeatures


class ResourceExhaustedError(Exception):
    """As TensorFlow names it."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ResourceExhaustedError("OOM when allocating tensor"), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes"), True),
        (RuntimeError("CUDA out of memory"), True),
        (MemoryError(), True),
        (ValueError("shapes do not fit"), False),
    ],
)
def test_lack_of_memory_is_known_by_its_words(error: Exception, *, expected: bool) -> None:
    """Whatever the backend calls it; any other error is none."""
    assert is_out_of_memory(error) is expected


def test_batches_are_halved_until_they_fit(caplog: pytest.LogCaptureFixture) -> None:
    """As the batch gets smaller more of them make a step, and the log says so."""
    tried = []

    def attempt(batch_size: int, accumulation: int) -> None:
        tried.append((batch_size, accumulation))
        if batch_size > 6:
            raise ResourceExhaustedError

    assert fit_in_memory(attempt, 32, 1) == (4, 8)
    assert tried == [(32, 1), (16, 2), (8, 4), (4, 8)]
    assert caplog.text.count("no room for batches") == 3


@pytest.mark.parametrize("error", [ValueError("another fault"), ResourceExhaustedError("even of one image")])
def test_what_no_smaller_batch_helps_is_raised(error: Exception) -> None:
    """Another error at once, and lack of memory when a single image does not fit."""

    def attempt(_: int, __: int) -> None:
        raise error

    with pytest.raises(type(error)):
        fit_in_memory(attempt, 8, 1)


def test_a_training_goes_on_with_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head is trained from its first weights on although the first batch size does not fit."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], [40, 40])
    split = LabelledFeatures((rng.normal(size=(80, 8)) + 2 * targets[:, None]).astype(np.float32), targets)
    head = network.build_head(BACKBONES["mobilenet_v2"], (8,), ("covid", "normal"), dropout=0.0)
    fit_model = type(head).fit
    sizes = []

    def fit(self, batches, **others):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN003, ANN202
        sizes.append(len(batches[0][0]))
        if sizes[-1] > 10:
            raise ResourceExhaustedError
        return fit_model(self, batches, **others)

    monkeypatch.setattr(type(head), "fit", fit)
    options = TrainingOptions(epochs=20, patience=20, head_batch_size=32, rebalancing="none")
    lesson = training.Lesson(split, split, ("covid", "normal"), "normal")
    done = training.fit_head(head, lesson, options, 0.05)
    assert sizes == [32, 16, 8]
    assert done.epochs[done.best_epoch - 1].validation_minority_f1 > 0.9


def test_accumulated_batches_make_the_step_of_a_large_one() -> None:
    """Four batches of eight to a step learn as one batch of 32 does, without dropout."""
    weights = []
    for batch_size, accumulation in ((32, 1), (8, 4)):
        rng = np.random.default_rng(0)
        split = LabelledFeatures(rng.normal(size=(64, 16, 16, 1)).astype(np.float32), np.arange(64) % 2)
        head = network.build_head(BACKBONES["basic_cnn"], (16, 16, 1), ("covid", "normal"), dropout=0.0)
        options = TrainingOptions(
            epochs=3, batch_size=batch_size, gradient_accumulation=accumulation, rebalancing="none"
        )
        training.fit_head(head, training.Lesson(split, split, ("covid", "normal"), "normal"), options, 1e-3)
        weights.append(np.concatenate([weight.ravel() for weight in head.get_weights()]))
    assert np.allclose(weights[0], weights[1], atol=1e-4)


def test_accumulation_never_leaves_a_head_without_a_step() -> None:
    """A pooled head, of which batches are small in any case, learns as without; other networks step once an epoch."""
    rng = np.random.default_rng(0)
    targets = np.arange(64) % 2
    pooled = LabelledFeatures((rng.normal(size=(64, 8)) + 2 * targets[:, None]).astype(np.float32), targets)
    maps = LabelledFeatures(rng.normal(size=(64, 16, 16, 1)).astype(np.float32), targets)
    options = TrainingOptions(epochs=2, gradient_accumulation=256, rebalancing="none")
    for split, name in ((pooled, "mobilenet_v2"), (maps, "basic_cnn")):
        head = network.build_head(BACKBONES[name], split.features.shape[1:], ("covid", "normal"), dropout=0.0)
        training.fit_head(head, training.Lesson(split, split, ("covid", "normal"), "normal"), options, 0.01)
        assert np.any(head.get_layer("scores").kernel)


def test_batches_that_cannot_share_a_step_are_halved_alone() -> None:
    """Where gradients cannot be added up, a smaller batch is a step of its own."""
    tried: list[tuple[int, int]] = []

    def attempt(batch_size: int, accumulation: int) -> None:
        tried.append((batch_size, accumulation))
        if batch_size > 2:
            raise MemoryError

    fit_in_memory(attempt, 8, 1, accumulates=False)
    assert tried == [(8, 1), (4, 1), (2, 1)]
