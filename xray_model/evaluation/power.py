"""What a test set can show: the smallest true difference in minority F1 that it would detect."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t as student

from xray_model.evaluation.comparison import degrees_of_freedom
from xray_model.evaluation.confusion import bootstrap_confusions, class_figures, patient_confusions
from xray_model.outcomes import format_fraction

POWER = 0.8
"""How often the difference is shown: in four of five comparisons, as is usual (Cohen 1988)."""


def detectable_difference(error: float, freedom: float, confidence: float, margin: float = 0.0) -> float | None:
    """The minimum detectable effect (Bloom 1995): the true difference that is shown in four of five comparisons.

    Args:
        error: standard error of the difference.
        freedom: degrees of freedom of that error.
        confidence: with which a difference above -margin must be shown.
        margin: how much worse still counts as no worse.

    Returns:
        None where the error is 0, from which nothing can be said.
    """
    if error == 0:
        return None
    return float((student.ppf(confidence, freedom) + student.ppf(POWER, freedom)) * error - margin)


def foreseen_error(
    table: pd.DataFrame, classes: Sequence[str], minority: str, draws: int, seed: int
) -> tuple[float, float]:
    """Standard error, and its degrees of freedom, of a comparison with a model as good that errs independently.

    Two models mostly err on the same images, so a comparison that was made is finer than this one.

    Args:
        table: predictions of the one model there is.
        classes: what it tells apart.
        minority: the class that decides.
        draws: bootstrap draws.
        seed: of the draws.
    """
    counts, place = patient_confusions(table, classes), list(classes).index(minority)
    own = class_figures(bootstrap_confusions(counts, draws, seed))[2][:, place].std()
    return float(np.sqrt(2) * own), float(degrees_of_freedom(counts.sum(axis=2))[place])


def describe_power(detectable: float, minority: str, patients: int) -> str:
    """What a report says of the test set.

    Args:
        detectable: `Decision.detectable`.
        minority: the class that decides.
        patients: of the test split who have it.
    """
    of = f"This test set, with {patients} patients with {minority},"
    if detectable <= 0:
        return f"{of} would show in four of five comparisons that an equal model is within the margin."
    return (
        f"{of} would show a true gain of {format_fraction(detectable)} or more in F1 in four of five comparisons; "
        "a smaller one may be missed."
    )
