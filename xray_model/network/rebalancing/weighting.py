"""Strategies that see every image once and change what it weighs in the loss."""

import keras
import numpy as np

from xray_model.config import TrainingOptions
from xray_model.network.rebalancing.epoch import Epoch, Floats, Imbalance


def weight_classes(imbalance: Imbalance, _options: TrainingOptions) -> Epoch:
    """Each class weighs the same: inversely to its images (King and Zeng 2001)."""
    return _weighted(imbalance, 1 / imbalance.counts)


def weight_effective_numbers(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Each class weighs inversely to its effective number of images, (1 - beta^n) / (1 - beta) (Cui et al. 2019).

    Between `none` (beta 0) and `class_weight` (beta 1): the further images of a large class say ever less that is new.
    """
    beta = options.effective_number_beta
    return _weighted(imbalance, (1 - beta) / (1 - beta**imbalance.counts))


def focus_on_hard(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Focal loss: an image weighs the less the surer the network is of its class (Lin et al. 2017).

    Without the paper's weight by class (alpha), which would be `class_weight` once more: the counts stay.
    """
    return Epoch(
        imbalance.train.features,
        imbalance.one_hot,
        imbalance.counts.astype(np.float64),
        loss=keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=options.focal_gamma),
        note=f"focal loss with gamma {options.focal_gamma:g}",
    )


def _weighted(imbalance: Imbalance, by_class: Floats) -> Epoch:
    """Weights in these proportions, 1 on average over the images, so that the learning rate means the same."""
    counts = imbalance.counts
    by_class = by_class * counts.sum() / (by_class @ counts)
    return Epoch(
        imbalance.train.features,
        imbalance.one_hot,
        by_class * counts,
        weights=by_class[imbalance.train.targets].astype(np.float32),
    )
