"""Calibration: bins and error as published, and a temperature that mends them."""

import logging
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import log_loss

from xray_model.config import GatePolicy
from xray_model.evaluation.bootstrap import Floats, Places, resample
from xray_model.evaluation.calibration import (
    BINS,
    MINIMUM_MISTAKES,
    apply_temperature,
    describe_calibration,
    fit_temperature,
    sum_bins,
)
from xray_model.outcomes import Calibration

PRIOR = np.array([0.6, 0.3, 0.1])


def simulate(seed: int, images: int, temperature: float = 1.0, skill: float = 1.5) -> tuple[Floats, Places]:
    """Probabilities that become exactly right at this temperature, and the classes."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(3, images, p=PRIOR)
    seen = rng.normal(size=(images, 3)) + skill * np.eye(3)[targets]
    return softmax(temperature * (skill * seen + np.log(PRIOR)), axis=1), targets


def described(probabilities: Floats, targets: Places, draws: int = 200) -> Calibration:
    """Calibration of images of a patient each."""
    images = np.arange(len(targets))
    (bins,) = resample([sum_bins(probabilities, targets, images)], len(images), draws, seed=0)
    return describe_calibration(bins)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), images=st.integers(1, 200))
def test_error_is_the_published_sum(seed: int, images: int) -> None:
    """The error is the sum over bins of |accuracy - confidence| by share of images, written out as in the paper."""
    probabilities, targets = simulate(seed, images)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    error, held = 0.0, []
    for place in range(BINS):
        inside = (confidence > place / BINS) & (confidence <= (place + 1) / BINS)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
            held.append((inside.sum(), right[inside].mean(), confidence[inside].mean()))
    found = described(probabilities, targets, draws=10)
    assert found.error.value == pytest.approx(error, abs=1e-6)
    told = [(one.images, one.accuracy.value, one.confidence) for one in found.bins]
    assert np.array(told) == pytest.approx(np.array(held), abs=1e-6)


@pytest.mark.parametrize("images", [30, 100, 1000])
def test_chance_is_the_error_of_a_calibrated_model(images: int) -> None:
    """Probabilities that are exactly right show on average the error that is put down to chance."""
    found = [described(*simulate(seed, images), draws=1) for seed in range(400)]
    chance = [one.chance for one in found if one.chance is not None]
    assert len(chance) == len(found)
    assert np.mean(chance) == pytest.approx(np.mean([one.error.value for one in found]), rel=0.06)


@pytest.mark.parametrize(
    ("images", "off", "least", "most"), [(100, 0.1, 0.85, 1.0), (150, 0.0, 0.99, 1.0), (150, 0.25, 0.0, 0.15)]
)
def test_gate_judges_what_chance_does_not_make(images: int, off: float, least: float, most: float) -> None:
    """With few images a model that is off by little mostly passes, one that is off by .25 mostly does not."""
    passed = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sure, targets = rng.uniform(0.75, 0.99, images), rng.integers(0, 2, images)
        right = rng.random(images) < sure - off
        called = np.where(right, targets, 1 - targets)
        found = described(np.where(called[:, None] == np.arange(2), sure[:, None], 1 - sure[:, None]), targets, 1)
        passed.append(found.error.value - (found.chance or 0) <= GatePolicy().calibration_error)
    assert least <= np.mean(passed) <= most


def test_bins_hold_both_ends() -> None:
    """Certainty falls into the last bin, and the ranges tile 0 to 1."""
    found = described(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([0, 0]), draws=10)
    assert [(one.low, one.high, one.images) for one in found.bins] == [(0.4, 0.5, 1), (0.9, 1.0, 1)]


@pytest.mark.parametrize("temperature", [1.0, 1.5, 3.0])
def test_error_interval_holds_the_truth(temperature: float) -> None:
    """In simulation the interval holds the true error about as often as it says, or oftener, calibrated or not."""
    truth = described(*simulate(0, 400_000, temperature), draws=2).error.value
    tables = 300
    found = [described(*simulate(seed, 300, temperature)).error for seed in range(1, tables + 1)]
    held = np.mean([one.low <= truth <= one.high for one in found])
    assert held >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / tables)
    assert all(0 <= one.low <= one.value <= one.high for one in found)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.05, 20), decimals=st.integers(1, 8))
def test_temperature_keeps_the_order(seed: int, temperature: float, decimals: int) -> None:
    """No temperature ever puts one class of an image before another that was more probable, or changes the first."""
    probabilities = simulate(seed, 40, 2.0)[0].round(decimals)
    scaled = apply_temperature(probabilities, temperature)
    assert scaled.sum(axis=1) == pytest.approx(np.ones(40))
    more = probabilities[:, :, None] > probabilities[:, None, :]
    assert (scaled[:, :, None] >= scaled[:, None, :])[more].all()
    assert np.array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 1.5, 3.0])
def test_known_temperature_is_recovered(temperature: float) -> None:
    """From many images of a model that is too sure or too unsure by a known factor, that factor is found."""
    assert fit_temperature(*simulate(4, 40_000, temperature)) == pytest.approx(temperature, rel=0.03)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.sampled_from([0.5, 1.0, 2.0]), images=st.integers(60, 400))
def test_likelihood_never_falls_on_the_data_fitted(seed: int, temperature: float, images: int) -> None:
    """The fitted temperature never makes the validation data less likely."""
    probabilities, targets = simulate(seed, images, temperature)
    scaled = apply_temperature(probabilities, fit_temperature(probabilities, targets))
    before, after = (log_loss(targets, one, labels=[0, 1, 2]) for one in (probabilities, scaled))
    assert after <= before + 1e-12


def test_fitted_temperature_mends_new_images() -> None:
    """Of a model that is too sure, likelihood and calibration are better on images that were not fitted."""
    temperature = fit_temperature(*simulate(1, 300, 2.0))
    probabilities, targets = simulate(2, 3000, 2.0)
    scaled = apply_temperature(probabilities, temperature)
    assert log_loss(targets, scaled) < log_loss(targets, probabilities) - 0.05
    assert described(scaled, targets).error.high < described(probabilities, targets).error.low


def few_mistakes() -> tuple[Floats, Places]:
    """One mistake less than are needed."""
    targets = np.tile(np.arange(3), 100)
    called = targets.copy()
    called[: MINIMUM_MISTAKES - 1] = (called[: MINIMUM_MISTAKES - 1] + 1) % 3
    return 0.1 + 0.7 * np.eye(3)[called], targets


def class_absent() -> tuple[Floats, Places]:
    """No image of one class."""
    probabilities, targets = simulate(1, 500, 2.0)
    return probabilities[targets != 2], targets[targets != 2]


def nothing_learned() -> tuple[Floats, Places]:
    """Probabilities that are surer of what is never right."""
    targets = np.tile(np.arange(3), 30)
    return 0.1 + 0.7 * np.eye(3)[(targets + 1) % 3], targets


@pytest.mark.parametrize("case", [few_mistakes, class_absent, nothing_learned])
def test_no_temperature_without_grounds(
    case: Callable[[], tuple[Floats, Places]], caplog: pytest.LogCaptureFixture
) -> None:
    """Where the images cannot say, the temperature is 1, and the log says why."""
    with caplog.at_level(logging.WARNING):
        assert fit_temperature(*case()) == 1
    assert "no temperature fitted" in caplog.text
