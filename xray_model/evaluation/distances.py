"""How far ways of training lie behind the best of them, where the best is known from the same figures.

The first of several is first by luck too, so that the distance of each from it must be held against the distances
that the luckiest of all pairs would show: the intervals here hold for all pairs at once. Half of one is a standard
error times how many of its own the most deviant pair deviates by in 95 of 100 draws of a bootstrap over patients
(max-t, Westfall and Young 1993). The variance has two parts:

- what other patients would have changed: that of the draws;
- what other trainings would have changed: by how much the difference varies from fold to fold beyond what the folds'
  own patients explain, with the factor by which Nadeau and Bengio (2003) correct for folds that share most of their
  training images. Few folds tell it badly, so half of it is the pair's own and half the mean of all pairs.

In simulation (60 comparisons of 400 images in three or five folds, two or six variants, all equally good, skill varying
from training to training by 0, .05 or .1) some variant came out behind the first in 0 to 7 of 100, and in 12 with two
variants, three folds and the greatest luck; single paired intervals let one in 7 to 63. Of four variants that got a
fifth fewer images right, 74 to 87 in 100 came out behind.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

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
    trained = np.stack([by_fold[one] - by_fold[other] for one, other in combinations(names, 2)])
    patients = gaps[:, 1:].var(axis=1)
    width = _count_errors(gaps, patients) * np.sqrt(patients + _luck_of_training(trained, patients))
    found = {}
    for (one, other), gap, reach in zip(combinations(names, 2), gaps[:, 0], width, strict=True):
        if best in {one, other}:
            behind = gap if other == best else -gap
            found[other if one == best else one] = make_interval(
                behind, max(behind - reach, -1.0), min(behind + reach, 1.0)
            )
    return found


def _count_errors(gaps: Floats, variances: Floats) -> float:
    """Standard errors by which the most deviant pair deviates in 95 of 100 draws of patients.

    Args:
        gaps: of each pair, the difference and that of every draw [pairs, 1 + draws].
        variances: of each pair's draws [pairs]; a pair that no draw tells apart deviates by nothing.
    """
    deviations, errors = np.abs(gaps[:, 1:] - gaps[:, :1]), np.sqrt(variances)[:, None]
    standardised = np.divide(deviations, errors, out=np.zeros_like(deviations), where=errors > 0)
    return float(np.quantile(standardised.max(axis=0), _CONFIDENCE))


def _luck_of_training(gaps: Floats, patients: Floats) -> Floats:
    """Variance of each pair's difference by other trainings [pairs]; infinite where there is one fold alone.

    Args:
        gaps: the differences in the folds [pairs, folds].
        patients: variance of the whole difference by other patients [pairs]; a fold has its part of them.
    """
    pairs, folds = gaps.shape
    if folds == 1:
        return np.full(pairs, np.inf)
    own = np.maximum(gaps.var(axis=1, ddof=1) - folds * patients, 0.0)
    luck: Floats = (own + own.mean()) / 2 * (1 / folds + 1 / (folds - 1))
    return luck
