"""Decision: probabilities put back to the true prior, and a threshold that one split's chance does not move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import f1_score

from xray_model.errors import InvalidInput
from xray_model.evaluation.decision import MINIMUM_PATIENTS, choose_decision_weights, decide_classes, prior_offsets

frequencies = st.lists(st.floats(0.01, 100), min_size=3, max_size=3).map(np.array)
scores = st.lists(st.floats(-8, 8), min_size=3, max_size=3).map(np.array)


@given(prior=frequencies, scale=st.floats(0.1, 10))
def test_equal_priors_need_no_correction(prior: np.ndarray, scale: float) -> None:
    """The same prior on any scale leaves the scores alone."""
    assert prior_offsets(prior * scale, prior) == pytest.approx((0, 0, 0), abs=1e-9)


@given(trained=frequencies, true=frequencies, likelihood=scores)
def test_correction_is_the_rule_of_bayes(trained: np.ndarray, true: np.ndarray, likelihood: np.ndarray) -> None:
    """What is exact under the trained prior is exact under the true one after the correction."""
    learned = likelihood + np.log(trained / trained.sum())
    exact = softmax(likelihood + np.log(true / true.sum()))
    assert softmax(learned + prior_offsets(trained, true)) == pytest.approx(exact, abs=1e-9)


@given(trained=frequencies, true=frequencies)
def test_correction_is_undone_by_its_reverse(trained: np.ndarray, true: np.ndarray) -> None:
    """Going to another prior and back is the identity."""
    there, back = prior_offsets(trained, true), prior_offsets(true, trained)
    assert np.add(there, back) == pytest.approx(np.zeros(3), abs=1e-9)


def two_clouds(images: int, seed: int, share: float = 0.15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact probabilities of two overlapping classes, class numbers with the minority second, and patients."""
    rng = np.random.default_rng(seed)
    targets = (rng.random(images) < share).astype(np.intp)
    x = rng.normal(size=images) + 1.5 * targets
    odds = np.exp(1.5 * x - 1.5**2 / 2) * share / (1 - share)
    probabilities = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
    return probabilities, targets, np.arange(images).astype(np.str_)


def test_equal_weights_give_the_most_probable_class() -> None:
    """Without a threshold the label is the most probable class."""
    probabilities, _, _ = two_clouds(300, 1)
    assert np.array_equal(decide_classes(probabilities, (2.0, 2.0)), probabilities.argmax(axis=1))


def test_a_weight_is_a_threshold() -> None:
    """A weight of w on one of two classes calls it from the probability 1 / (1 + w) on."""
    p = np.linspace(0.01, 0.99, 99)
    called = decide_classes(np.stack([1 - p, p], axis=1), (1.0, 3.0))
    assert np.array_equal(called == 1, p > 0.25)


def test_broken_predictions_are_refused() -> None:
    """A prediction that is not a number is an error, not a class."""
    with pytest.raises(InvalidInput, match="1 of 2 predictions are not numbers"):
        decide_classes(np.array([[0.5, 0.5], [np.nan, 1.0]]), (1.0, 1.0))


def test_threshold_is_better_on_images_it_did_not_see() -> None:
    """On 20 validation splits the chosen threshold raises the minority F1 of other images towards the best one."""
    other, truth, _ = two_clouds(20_000, 99)
    plain = f1_score(truth, decide_classes(other, (1.0, 1.0)))
    best = max(f1_score(truth, decide_classes(other, (1.0, weight))) for weight in np.geomspace(0.2, 5, 40))
    found = [
        f1_score(truth, decide_classes(other, choose_decision_weights(*two_clouds(600, seed), minority=1, seed=seed)))
        for seed in range(20)
    ]
    assert np.mean(found) > plain + 0.7 * (best - plain)


def test_threshold_is_steadier_than_the_best_of_the_split() -> None:
    """The mean over draws varies less from split to split than the best threshold of each split itself."""
    chosen, best = [], []
    for seed in range(25):
        probabilities, targets, patients = two_clouds(300, seed)
        chosen.append(np.log(choose_decision_weights(probabilities, targets, patients, 1, seed)[1]))
        grid = np.geomspace(0.1, 10, 200)
        best.append(np.log(grid[np.argmax([f1_score(targets, decide_classes(probabilities, (1.0, w))) for w in grid])]))
    assert np.std(chosen) < np.std(best)


@pytest.mark.parametrize("patients", [MINIMUM_PATIENTS - 1, MINIMUM_PATIENTS])
def test_few_patients_choose_no_threshold(patients: int) -> None:
    """With too few minority patients, however many their images, the most probable class stands."""
    probabilities, targets, _ = two_clouds(400, 3, share=0.3)
    names = np.where(targets == 1, np.arange(400) % patients, 1000 + np.arange(400)).astype(np.str_)
    weights = choose_decision_weights(probabilities, targets, names, 1, seed=0)
    assert (weights == (1.0, 1.0)) is (patients < MINIMUM_PATIENTS)


def test_patients_are_drawn_not_images() -> None:
    """Copies of each patient's images change nothing."""
    probabilities, targets, patients = two_clouds(200, 5, share=0.3)
    once = choose_decision_weights(probabilities, targets, patients, 1, seed=2)
    four = np.repeat(np.arange(200), 4)
    copies = choose_decision_weights(probabilities[four], targets[four], patients[four], 1, seed=2)
    assert copies == pytest.approx(once)


@settings(max_examples=25, deadline=None)
@given(factor=st.floats(0.05, 20), seed=st.integers(0, 99))
def test_threshold_does_not_care_for_the_prior(factor: float, seed: int) -> None:
    """Correcting the prior first gives other weights and the same labels."""
    probabilities, targets, patients = two_clouds(200, seed, share=0.3)
    shifted = softmax(np.log(probabilities) + prior_offsets(np.array([1, factor]), np.ones(2)), axis=1)
    first, second = (
        decide_classes(values, choose_decision_weights(values, targets, patients, 1, seed=1))
        for values in (probabilities, shifted)
    )
    assert np.array_equal(first, second)
