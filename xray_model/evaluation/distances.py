"""How far ways of training lie behind the best of them, where the best is known from the same figures.

The first of several is first by luck too, so that the distance of each from it must be held against the distances
that the luckiest of all pairs would show: the intervals here hold for all pairs at once. Each is the wider of two:

- what other patients would have changed: the largest standardised deviation of any pair in a bootstrap over patients
  (max-t, Westfall and Young 1993), times the pair's own standard error;
- what other trainings would have changed: Tukey's honest significant difference of a table of variants by folds (what
  neither a variant nor a fold explains is luck, of one size for all variants), with the variance that Nadeau and Bengio
  (2003) correct for folds that share most of their training images.

In simulation (100 comparisons of 400 images in three or five folds, two to eight variants, all equally good, with and
without luck in each training) some variant came out behind the first in at most 2, where single paired intervals let
one in 7 to 81. Their price: of five variants that got a fifth fewer images right, 25 in 100 came out behind in five
folds of 400 images. More images tell more.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.stats import studentized_range

from xray_model.evaluation.bootstrap import Floats, make_interval
from xray_model.outcomes import Interval

_CONFIDENCE = 0.95


def compare_with_best(figures: Mapping[str, Floats], by_fold: Mapping[str, Floats], best: str) -> dict[str, Interval]:
    """How much less each variant's figure is than the best's, 95 % for all pairs together, rounded to six digits.

    Args:
        figures: of each variant, of the tables as they are and of every draw of patients, the same draws for all
            [1 + draws].
        by_fold: of each variant, the figure of every fold, mean over its seeds [folds].
        best: the variant that came first.
    """
    names = list(figures)
    if len(names) == 1:
        return {}
    gaps = np.stack([figures[one] - figures[other] for one, other in combinations(names, 2)])
    width = np.maximum(_reach_of_patients(gaps), _reach_of_trainings(np.stack([by_fold[name] for name in names])))
    found = {}
    for (one, other), gap, reach in zip(combinations(names, 2), gaps[:, 0], width, strict=True):
        if best in {one, other}:
            behind = gap if other == best else -gap
            found[other if one == best else one] = make_interval(
                behind, max(behind - reach, -1.0), min(behind + reach, 1.0)
            )
    return found


def _reach_of_patients(gaps: Floats) -> Floats:
    """Half the width of each pair's interval [pairs], from its differences [pairs, 1 + draws]."""
    deviations = np.abs(gaps[:, 1:] - gaps[:, :1])
    errors = gaps[:, 1:].std(axis=1)
    standardised = np.divide(deviations, errors[:, None], out=np.zeros_like(deviations), where=errors[:, None] > 0)
    reach: Floats = np.quantile(standardised.max(axis=0), _CONFIDENCE) * errors
    return reach


def _reach_of_trainings(figures: Floats) -> float:
    """Likewise of any pair, from the figures in the folds [variants, folds]; infinite where there is one fold alone."""
    variants, folds = figures.shape
    if folds == 1:
        return np.inf
    luck = figures - figures.mean(axis=1, keepdims=True) - figures.mean(axis=0) + figures.mean()
    freedom = (variants - 1) * (folds - 1)
    variance = (luck**2).sum() / freedom * (1 / folds + 1 / (folds - 1))
    return float(studentized_range.ppf(_CONFIDENCE, variants, freedom) * np.sqrt(variance))
