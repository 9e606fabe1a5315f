"""Ranking figures: scikit-learn's, for every draw at once."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from xray_model.evaluation.bootstrap import Floats, Places
from xray_model.evaluation.ranking import ranking_figures

Table = tuple[Floats, npt.NDArray[np.bool_], Places, Floats]


def make_table(seed: int, images: int, levels: int) -> Table:
    """Scores with ties, classes, patients and draws in which each class has an image."""
    rng = np.random.default_rng(seed)
    positive = rng.random(images) < 0.3
    positive[:2] = True, False
    scores = rng.integers(0, levels, images) / levels + 0.2 * positive
    patients = np.append([0, 1], rng.integers(0, max(2, images // 2), images - 2))
    drawn = rng.integers(0, 4, (5, patients.max() + 1)).astype(float)
    drawn[:, :2] += 1
    return scores, positive, patients, drawn


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), images=st.integers(2, 80), levels=st.integers(1, 100))
def test_every_draw_equals_scikit_learn(seed: int, images: int, levels: int) -> None:
    """AUC and average precision of a draw are scikit-learn's with weights, and with the rows really repeated."""
    scores, positive, patients, drawn = make_table(seed, images, levels)
    figures = ranking_figures(scores, positive, patients, drawn)
    for found, times in zip(figures, drawn[:, patients].astype(int), strict=True):
        weighted = (
            roc_auc_score(positive, scores, sample_weight=times),
            average_precision_score(positive, scores, sample_weight=times),
        )
        repeated = np.repeat(positive, times), np.repeat(scores, times)
        assert found == pytest.approx(weighted, abs=1e-12)
        assert found == pytest.approx((roc_auc_score(*repeated), average_precision_score(*repeated)), abs=1e-12)


def test_constant_scores_rank_nothing() -> None:
    """A model that says the same of all images has an AUC of one half and the precision of calling all."""
    positive = np.array([True, False, False, False])
    figures = ranking_figures(np.full(4, 0.7), positive, np.arange(4), np.ones((1, 4)))
    assert figures.tolist() == [[0.5, 0.25]]


def test_draw_without_one_side_says_nothing() -> None:
    """A draw without positive images, or with nothing else, is NaN; the others are not."""
    positive = np.array([True, False])
    drawn = np.array([[0.0, 2.0], [2.0, 0.0], [1.0, 1.0]])
    figures = ranking_figures(np.array([0.9, 0.1]), positive, np.arange(2), drawn)
    assert np.isnan(figures[:2]).all()
    assert figures[2].tolist() == [1, 1]


@pytest.mark.parametrize("side", [True, False])
def test_split_without_one_side_says_nothing(side: bool) -> None:
    """Where all images, or none, are of the class, there is no ranking to judge."""
    figures = ranking_figures(np.array([0.9, 0.1]), np.full(2, side), np.arange(2), np.ones((3, 2)))
    assert np.isnan(figures).all()
