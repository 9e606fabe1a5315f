"""Power: what a test set can show, and how a report says it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from bench.gate_simulation import CLASSES, Population, draw_pairs, make_skill, make_table
from xray_model.evaluation.power import describe_power, detectable_difference, foreseen_error


def one_table(minority_patients: int) -> pd.DataFrame:
    """Predictions of a model with a true F1 of .8."""
    skill = make_skill(0.8, 0.8, 0.3)
    return make_table(next(draw_pairs(Population(0.3, minority_patients), skill, skill, 1, seed=1))[0])


def test_with_many_patients_it_is_the_textbook_figure() -> None:
    """At 95 % and four of five cases a difference of 2.49 standard errors is detected (Bloom 1995)."""
    found = detectable_difference(0.02, 1e9, 0.95)
    assert found == pytest.approx((norm.ppf(0.95) + norm.ppf(0.8)) * 0.02)
    assert found == pytest.approx(0.0497, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(error=st.floats(0.001, 0.3), freedom=st.floats(1, 1000), confidence=st.floats(0.6, 0.99))
def test_less_evidence_detects_less(error: float, freedom: float, confidence: float) -> None:
    """A larger error or a stricter policy needs a larger difference; a margin needs a smaller one."""
    found = detectable_difference(error, freedom, confidence)
    assert found is not None
    for other in (
        detectable_difference(error * 1.1, freedom, confidence),
        detectable_difference(error, freedom, confidence + 0.005),
    ):
        assert other is not None
        assert other > found
    assert detectable_difference(error, freedom, confidence, margin=0.05) == pytest.approx(found - 0.05)


def test_nothing_is_said_of_no_error() -> None:
    """Two models that never differ do not tell how finely others could be compared."""
    assert detectable_difference(0.0, 20, 0.95) is None


def test_more_patients_foresee_a_smaller_error() -> None:
    """With four times the patients the foreseen error halves."""
    errors = [foreseen_error(one_table(patients), CLASSES, CLASSES[0], 500, 1) for patients in (100, 400)]
    assert errors[1][0] == pytest.approx(errors[0][0] / 2, rel=0.25)
    assert errors[1][1] > errors[0][1]


def test_foreseen_error_is_of_two_independent_models() -> None:
    """It is the spread of differences between models that share no mistake: of F1 on one test set less on another."""
    skill = make_skill(0.8, 0.8, 0.3)
    pairs = list(draw_pairs(Population(0.3, 100), skill, skill, 300, seed=3))
    f1 = np.array([2 * own[:, 0, 0].sum() / (own[:, 0].sum() + own[:, :, 0].sum()) for own, _ in pairs])
    foreseen = np.mean([foreseen_error(make_table(own), CLASSES, CLASSES[0], 200, 1)[0] for own, _ in pairs[:20]])
    assert foreseen == pytest.approx((f1[::2] - f1[1::2]).std(), rel=0.2)


@pytest.mark.parametrize(
    ("detectable", "said"),
    [
        (0.062, "with 41 patients with normal, would show a true gain of .06 or more in F1 in four of five"),
        (-0.01, "an equal model is within the margin"),
    ],
)
def test_sentence(detectable: float, said: str) -> None:
    """The report says in a sentence what can be shown, with a margin as well."""
    assert said in describe_power(detectable, "normal", 41)
