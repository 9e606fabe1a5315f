"""Strategies that add images which nobody took: points between the features of training images."""

from typing import Any

import numpy as np

from xray_model.config import TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.network.rebalancing.drawing import draw_missing
from xray_model.network.rebalancing.epoch import Epoch, Imbalance, one_hot


def add_smote(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Points between an image of a smaller class and one of its k nearest of that class (Chawla et al. 2002).

    Raises:
        ConfigurationError: a smaller class has a single image, which has no neighbour.
    """
    from imblearn.over_sampling import SMOTE

    k, note = _neighbours(imbalance, options)
    return _resampled(imbalance, SMOTE(k_neighbors=k, random_state=options.seed), note)


def add_adasyn(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """As SMOTE, with more points where images of other classes are near (He et al. 2008).

    The classes meet only about: how many points an image gets is rounded.

    Raises:
        ConfigurationError: a smaller class has a single image, or no image of another class is near it.
    """
    from imblearn.over_sampling import ADASYN

    k, note = _neighbours(imbalance, options)
    return _resampled(imbalance, ADASYN(n_neighbors=k, random_state=options.seed), note)


def add_mixtures(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Mixtures of an image of a smaller class with any other training image (mixup, Zhang et al. 2018).

    As many as oversampling would draw. The image of the smaller class has the larger share of each, and the target is
    mixed as the features are, so the counts come near each other and do not meet.
    """
    train, targets = imbalance.train, imbalance.one_hot
    anchors = draw_missing(imbalance, options)
    # A stream of its own: the partners must not depend on how many numbers drew the anchors.
    rng = np.random.default_rng((options.seed, 1))
    partners = rng.integers(len(train.targets), size=len(anchors))
    share = rng.beta(options.mixup_alpha, options.mixup_alpha, len(anchors)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    wide = share.reshape(-1, *[1] * (train.features.ndim - 1))
    mixed = wide * train.features[anchors] + (1 - wide) * train.features[partners]
    mixed_targets = share[:, None] * targets[anchors] + (1 - share[:, None]) * targets[partners]
    targets = np.concatenate([targets, mixed_targets])
    return Epoch(
        np.concatenate([train.features, mixed.astype(train.features.dtype)]),
        targets,
        targets.sum(axis=0, dtype=np.float64),
        note=f"{len(anchors)} mixtures, alpha {options.mixup_alpha:g}",
    )


def _neighbours(imbalance: Imbalance, options: TrainingOptions) -> tuple[int, str]:
    """How many neighbours the smallest class allows, and that in words."""
    place = int(imbalance.counts.argmin())
    name, count = imbalance.classes[place], int(imbalance.counts[place])
    if count == 1 and imbalance.counts.max() > 1:
        raise ConfigurationError(
            f"{options.rebalancing} needs two training images of a class, {name} has 1: "
            "choose oversample or class_weight, or add images"
        )
    if count <= options.neighbours:
        return max(count - 1, 1), f"{count - 1} neighbours instead of {options.neighbours}: {name} has {count} images"
    return options.neighbours, f"{options.neighbours} neighbours"


def _resampled(imbalance: Imbalance, sampler: Any, note: str) -> Epoch:
    train, classes = imbalance.train, len(imbalance.classes)
    flat = train.features.reshape(len(train.features), -1).astype(np.float32)
    try:
        features, targets = sampler.fit_resample(flat, train.targets)
    except (ValueError, RuntimeError) as error:
        raise ConfigurationError(
            f"{type(sampler).__name__} finds no place for new points among the training images ({error}): "
            "choose another rebalancing"
        ) from error
    return Epoch(
        features.reshape(-1, *train.features.shape[1:]).astype(train.features.dtype),
        one_hot(targets, classes),
        np.bincount(targets, minlength=classes).astype(np.float64),
        note=note,
    )
