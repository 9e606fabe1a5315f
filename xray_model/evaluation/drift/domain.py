"""Can a classifier tell new images from known ones by what the model sees of them?

A classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017; Rabanser et al., "Failing Loudly", NeurIPS 2019). Ridge
regression on the embedding's axes and their squares answers for each image without having seen it: leaving one out has
a closed form, so that a thousand permutations cost one fit.
"""

import numpy as np
import numpy.typing as npt

from xray_model.evaluation.drift.distances import Labels

Floats = npt.NDArray[np.float64]

CHANCE_AUC = 0.5
_FAR = 5.0
"""Standard deviations beyond which an axis counts no more: squares of outliers would decide everything."""
_RIDGE = 0.01
"""Of the number of images, on standardised features."""


class DomainClassifier:
    """Ridge regression that tells images apart by their embedding, each judged without itself."""

    def __init__(self, coordinates: Floats) -> None:
        """Prepare for images with these coordinates [n, k], in standard deviations of the reference."""
        near = np.clip(coordinates, -_FAR, _FAR)
        features = np.hstack([near, near**2])
        spread = features.std(axis=0)
        features = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        penalty = np.full(features.shape[1] + 1, _RIDGE * len(features))
        penalty[-1] = 0.0
        self._features = np.hstack([features, np.ones((len(features), 1))])
        self._inverse = np.linalg.inv(self._features.T @ self._features + np.diag(penalty))
        self._own = ((self._features @ self._inverse) * self._features).sum(axis=1, keepdims=True)

    def score(self, labels: Labels) -> npt.NDArray[np.float32]:
        """How new each image looks [n, m] by a fit on all others, for each column of labels [n, m]."""
        fitted = self._features @ (self._inverse @ (self._features.T @ labels))
        return np.asarray((fitted - self._own * labels) / (1 - self._own), np.float32)

    def measure_auc(self, labels: Labels) -> Floats:
        """ROC AUC [m] of these scores."""
        order = np.argsort(self.score(labels), axis=0)
        sorted_labels = np.take_along_axis(labels, order, axis=0).astype(np.float64)
        new = sorted_labels.sum(axis=0)
        ranks = np.arange(1, len(labels) + 1, dtype=np.float64) @ sorted_labels
        return np.asarray((ranks - new * (new + 1) / 2) / (new * (len(labels) - new)), np.float64)
