"""Cramér's V and the comparison of shares, against known answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from xray_model.evaluation.association import compare_shares, cramers_v, group_ages

LETTERS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=2, max_size=60)


def test_v_of_what_tells_all_is_one() -> None:
    """Categories that name each other have V 1, those that are balanced over each other 0."""
    one = pd.Series(list("abc") * 30)
    assert cramers_v(one, one.str.upper()) == pytest.approx(1)
    assert cramers_v(pd.Series(list("aabb") * 30), pd.Series(list("xyxy") * 30)) == 0


def test_v_is_bergsmas() -> None:
    """The value of a table computed by hand from the formula of the paper."""
    table = np.array([[10, 20, 30], [25, 15, 5]])
    rows = pd.DataFrame([(i, j) for i in range(2) for j in range(3) for _ in range(table[i, j])])
    images = table.sum()
    phi = chi2_contingency(table, correction=False).statistic / images - 2 / (images - 1)
    expected = np.sqrt(phi / (2 - 1 / (images - 1) - 1))
    assert cramers_v(rows[0], rows[1]) == pytest.approx(expected)


def test_v_of_chance_is_small_for_few_images() -> None:
    """Of unrelated categories the plain V of 30 images is large by its bias; the corrected one is not, on average."""
    rng = np.random.default_rng(1)
    found = [cramers_v(*(pd.Series(rng.integers(0, 4, 30)) for _ in range(2))) for _ in range(100)]
    assert np.mean(found) < 0.1


@settings(deadline=None)
@given(LETTERS)
def test_v_lies_between_0_and_1_and_has_no_order(pairs: list[tuple[str, str]]) -> None:
    """V is in [0, 1] and the same both ways round, or NaN both ways."""
    one, other = pd.Series([first for first, _ in pairs]), pd.Series([second for _, second in pairs])
    value, turned = cramers_v(one, other), cramers_v(other, one)
    assert np.isnan(value) == np.isnan(turned) == (min(one.nunique(), other.nunique()) < 2)
    assert np.isnan(value) or (0 <= value <= 1 + 1e-9 and value == pytest.approx(turned, abs=1e-6))


def test_missing_values_are_left_out() -> None:
    """A row without one of the two says nothing, and with one value left there is nothing to relate."""
    assert np.isnan(cramers_v(pd.Series(["a", "b", None]), pd.Series(["x", None, "y"])))
    assert np.isnan(cramers_v(pd.Series([], dtype=object), pd.Series([], dtype=object)))


def test_ages_are_grouped_at_their_bounds() -> None:
    """A group begins at its bound; a missing age and one below 0 are in none."""
    groups = group_ages(pd.Series([0, 17.9, 18, 39, 40, 60, 80, 110, None, -1]))
    assert groups.fillna(-1).tolist() == [0, 0, 1, 1, 2, 3, 4, 4, -1, -1]


def test_shares_are_compared_with_their_chance() -> None:
    """The distance is the share to be moved; the chance is tiny for many images and large for few."""
    known = pd.Series(["covid"] * 500 + ["normal"] * 500)
    many, few = pd.Series(["covid"] * 400), pd.Series(["covid"] * 3)
    assert compare_shares(many, known)[0] == compare_shares(few, known)[0] == 0.5
    assert compare_shares(many, known)[1] < 1e-9
    assert compare_shares(few, known)[1] > 0.05
    assert compare_shares(few, many) == (0.0, 1.0)
    assert np.isnan(compare_shares(few, known.iloc[:0])).all()
