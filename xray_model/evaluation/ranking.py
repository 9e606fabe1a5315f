"""How well a probability puts the images of a class before all others: ROC AUC and average precision of many draws."""

import numpy as np
import numpy.typing as npt

from xray_model.evaluation.bootstrap import Floats, Places


def ranking_figures(
    scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_], patients: Places, drawn: Floats
) -> Floats:
    """float64 [draws, 2]: ROC AUC, average precision; NaN in a draw that lacks positive images, or others.

    They are scikit-learn's `roc_auc_score` and `average_precision_score` with each image weighted by how often its
    patient was drawn. Images of equal score share one threshold. All draws share one sorting, so that a draw costs two
    running sums.

    Args:
        scores: of each image [n], higher for more probably positive.
        positive: whether the image is of the class [n].
        patients: number of each image's patient [n].
        drawn: how often each patient was drawn [draws, patients].
    """
    if positive.all() or not positive.any():
        return np.full((len(drawn), 2), np.nan)
    order = np.argsort(-scores, kind="stable")
    positive = positive[order]
    begins = np.append(True, np.diff(scores[order]) != 0)
    threshold = np.cumsum(begins) - 1
    edges = np.append(np.flatnonzero(begins), len(scores))

    weights = np.zeros((len(drawn), len(scores) + 1))
    weights[:, 1:] = drawn.take(patients[order], axis=1)
    called = weights.cumsum(axis=1)
    # Both figures are sums over the thresholds at which positive images are called.
    held, images = np.unique(threshold[positive], return_counts=True)
    hits = weights.take(np.flatnonzero(positive) + 1, axis=1).cumsum(axis=1).take(images.cumsum() - 1, axis=1)
    gained = np.diff(hits, axis=1, prepend=0)
    after, before = called.take(edges[held + 1], axis=1), called.take(edges[held], axis=1)

    positives = gained.sum(axis=1)
    negatives = called[:, -1] - positives
    # Halfway through a threshold, since an image of another class with an equal score is half a mistake.
    mistaken = (after - hits + before - (hits - gained)) / 2
    precision = hits / np.maximum(after, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = 1 - (gained * mistaken).sum(axis=1) / (positives * negatives)
        average_precision = (gained * precision).sum(axis=1) / positives
    figures = np.stack([auc, average_precision], axis=1)
    figures[(positives == 0) | (negatives == 0)] = np.nan
    return figures
