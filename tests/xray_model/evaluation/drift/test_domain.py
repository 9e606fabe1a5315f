"""A classifier that tells new images from known ones."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from xray_model.evaluation.drift.domain import DomainClassifier

RNG = np.random.default_rng(3)


def test_scores_are_those_of_leaving_one_out() -> None:
    """The closed form gives the scores of as many fits as there are images."""
    coordinates = RNG.normal(size=(40, 3))
    labels = (np.arange(40) < 15).astype(np.float32)
    features = np.hstack([coordinates, coordinates**2])
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    expected = []
    for left_out in range(40):
        kept = np.arange(40) != left_out
        # The intercept is free of the penalty as scikit-learn's is, though centred with the image left out.
        design = np.hstack([features, np.ones((40, 1))])
        penalty = np.diag([0.4] * 6 + [0.0])
        weights = np.linalg.solve(design[kept].T @ design[kept] + penalty, design[kept].T @ labels[kept])
        expected.append(design[left_out] @ weights)
        assert Ridge(0.4).fit(features[kept], labels[kept]).predict(features[[left_out]])[0] == pytest.approx(
            expected[-1], abs=1e-6
        )
    assert DomainClassifier(coordinates).score(labels[:, None])[:, 0] == pytest.approx(expected, abs=1e-5)


def test_auc_is_scikit_learns() -> None:
    """The area under the curve is scikit-learn's, of each column of labels."""
    classifier = DomainClassifier(RNG.normal(size=(60, 4)))
    labels = (RNG.random((60, 5)) < 0.4).astype(np.float32)
    scores = classifier.score(labels)
    expected = [roc_auc_score(labels[:, place], scores[:, place]) for place in range(5)]
    assert classifier.measure_auc(labels) == pytest.approx(expected)


@pytest.mark.parametrize("change", ["moved", "wider"])
def test_new_images_are_told_apart(change: str) -> None:
    """Images that lie elsewhere, or as far out on both sides, are told from known ones; equal ones are not."""
    known, new = RNG.normal(size=(300, 5)), RNG.normal(size=(150, 5))
    labels = (np.arange(450) >= 300).astype(np.float32)[:, None]
    equal = DomainClassifier(np.vstack([known, new])).measure_auc(labels)[0]
    changed = new + 1.0 if change == "moved" else new * 2.0
    assert DomainClassifier(np.vstack([known, changed])).measure_auc(labels)[0] > 0.8
    assert equal == pytest.approx(0.5, abs=0.1)


def test_axes_that_do_not_vary_do_no_harm() -> None:
    """A constant axis and one far out of range leave the scores finite."""
    coordinates = np.column_stack([np.ones(50), RNG.normal(size=50), RNG.normal(size=50) * 1e12])
    labels = (np.arange(50) < 20).astype(np.float32)[:, None]
    assert np.isfinite(DomainClassifier(coordinates).score(labels)).all()
