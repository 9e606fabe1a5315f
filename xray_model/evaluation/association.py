"""How far classes move together with what is no finding: the source of an image, or the age of a patient."""

import numpy as np
import pandas as pd
from scipy.stats import MonteCarloMethod, chi2_contingency

AGE_GROUPS = (0.0, 18.0, 40.0, 60.0, 80.0)
"""Years at which a group begins: children, then steps of about twenty years."""
_ENOUGH = 5
"""Expected images in each cell from which the chi-squared distribution may be trusted (Cochran 1954)."""
_DRAWS = 9999


def cramers_v(first: pd.Series, second: pd.Series) -> float:
    """Bias-corrected Cramér's V of two categories (Bergsma 2013): 0 is unrelated, 1 tells one from the other.

    Args:
        first: categories, indexed like `second`; a row where one of the two is missing is left out.
        second: categories.

    Returns:
        NaN where one of them has fewer than two values, so that there is nothing to relate.
    """
    table = pd.crosstab(first, second).to_numpy()
    rows, columns = table.shape
    if min(rows, columns) < 2:  # noqa: PLR2004 - one value cannot vary
        return float("nan")
    images = int(table.sum())
    phi = chi2_contingency(table, correction=False).statistic / images
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (images - 1))
    sides = [side - (side - 1) ** 2 / (images - 1) for side in (rows, columns)]
    return float(np.sqrt(corrected / (min(sides) - 1))) if min(sides) > 1 else 0.0


def group_ages(ages: pd.Series) -> pd.Series:
    """The group of each age in years; missing where the age is, or is below 0."""
    return pd.cut(pd.to_numeric(ages), [*AGE_GROUPS, np.inf], right=False, labels=False)


def compare_shares(new: pd.Series, known: pd.Series) -> tuple[float, float]:
    """How far the shares of the categories in `new` stand from those in `known`.

    Returns:
        The share of new images that would have to be of another category for the shares to be equal (total variation
        distance), and the chance of a distance at least as improbable among images drawn alike (chi-squared test; where
        a cell is expected to hold fewer than 5 images, by 9,999 drawn tables). Both are NaN without images in each.
    """
    table = pd.DataFrame({"new": new.value_counts(), "known": known.value_counts()}).fillna(0).T.to_numpy()
    if not (len(new.dropna()) and len(known.dropna())):
        return float("nan"), float("nan")
    if table.shape[1] == 1:
        return 0.0, 1.0
    shares = table / table.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    if expected.min() >= _ENOUGH:
        return distance, float(chi2_contingency(table, correction=False).pvalue)
    method = MonteCarloMethod(n_resamples=_DRAWS, rng=np.random.default_rng(0))
    return distance, float(chi2_contingency(table.astype(int), correction=False, method=method).pvalue)
