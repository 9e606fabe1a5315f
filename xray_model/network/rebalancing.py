"""What is done about unequal classes: to the training split alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.utils.class_weight import compute_class_weight

from xray_model.config import Rebalancing


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """Which training images are seen in an epoch, and how much each class weighs."""

    indices: npt.NDArray[np.intp]
    """Positions in the training split, with repeats where images are drawn more than once."""
    class_weight: dict[int, float]
    """By class number; 1 for all where nothing is weighted."""

    def effective_counts(self, targets: npt.NDArray[np.intp], classes: int) -> list[int]:
        """Images of each class an epoch amounts to, weights included."""
        seen = np.bincount(targets[self.indices], minlength=classes)
        return [round(float(count * self.class_weight[place])) for place, count in enumerate(seen)]


def rebalance(method: Rebalancing, targets: npt.NDArray[np.intp], classes: int, seed: int) -> Rebalanced:
    """Rebalance training images.

    Args:
        method: `none`; `class_weight` (each class weighs the same in the loss, King and Zeng 2001);
            `oversample` (draw the smaller classes again until they match the largest); `undersample` (draw as
            many of each as the smallest has).
        targets: int [n], class numbers of the training split; every class occurs.
        classes: how many there are.
        seed: of the draws.
    """
    everything = np.arange(len(targets))
    equal = dict.fromkeys(range(classes), 1.0)
    if method == "none":
        return Rebalanced(everything, equal)
    if method == "class_weight":
        weights = compute_class_weight("balanced", classes=np.arange(classes), y=targets)
        return Rebalanced(everything, {place: float(weight) for place, weight in enumerate(weights)})
    counts = np.bincount(targets, minlength=classes)
    rng = np.random.default_rng(seed)
    chosen = []
    for place in range(classes):
        own = np.flatnonzero(targets == place)
        if method == "oversample":
            chosen.append(np.concatenate([own, rng.choice(own, counts.max() - len(own))]))
        else:
            chosen.append(rng.choice(own, counts.min(), replace=False))
    return Rebalanced(np.sort(np.concatenate(chosen)), equal)
