"""Strategies that choose which images, or which views of them, are seen how often."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from xray_model.config import TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.network.feeding import NumberedBatches
from xray_model.network.rebalancing.epoch import Epoch, Imbalance, Indices, one_hot
from xray_model.network.samples import Features


def keep_all(imbalance: Imbalance, _options: TrainingOptions) -> Epoch:
    """Every image once."""
    return Epoch(imbalance.train.features, imbalance.one_hot, imbalance.counts.astype(np.float64))


def oversample(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Images of the smaller classes again, drawn at random, until each class matches the largest."""
    return _drawn(
        imbalance, np.concatenate([np.arange(len(imbalance.train.targets)), draw_missing(imbalance, options)])
    )


def undersample(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """As many images of each class as the smallest has, drawn at random."""
    rng = np.random.default_rng(options.seed)
    smallest = imbalance.counts.min()
    places = range(len(imbalance.classes))
    return _drawn(
        imbalance, np.concatenate([rng.choice(imbalance.of_class(place), smallest, replace=False) for place in places])
    )


def balance_batches(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Batches with equally many images of each class; an epoch has as many batches as one over all images."""
    batches = BalancedBatches(imbalance, options.batch_size, options.seed)
    drawn = len(batches) * options.batch_size
    return Epoch(
        imbalance.train.features,
        imbalance.one_hot,
        np.full(len(imbalance.classes), drawn / len(imbalance.classes)),
        batches=batches,
    )


def add_views(imbalance: Imbalance, options: TrainingOptions) -> Epoch:
    """Views of images of the smaller classes beside the images themselves, until each class matches the largest.

    No view comes twice before all views of its class have come.

    Raises:
        ConfigurationError: no views were computed.
    """
    train, largest = imbalance.train, imbalance.counts.max()
    if train.views is None or len(train.views) == 0:
        raise ConfigurationError(
            "augment_minority needs augmented views of the training images and was given none: "
            "compute at least one view, or choose another rebalancing"
        )
    rng = np.random.default_rng(options.seed)
    features: list[npt.NDArray[Any]] = [train.features]
    targets, rounds = [imbalance.one_hot], 0
    for place, count in enumerate(imbalance.counts):
        own = imbalance.of_class(place)
        drawn = _cycle(np.arange(len(train.views) * len(own)), largest - count, rng)
        view, image = np.divmod(drawn, len(own))
        features.append(train.views[view, own[image]])
        targets.append(one_hot(np.full(len(drawn), place), len(imbalance.classes)))
        rounds = max(rounds, math.ceil(len(drawn) / (len(train.views) * len(own))))
    note = f"{len(train.views)} views per image at hand"
    if rounds > 1:
        note += f", each used up to {rounds} times"
    even = np.full(len(imbalance.classes), float(largest))
    return Epoch(np.concatenate(features), np.concatenate(targets), even, note=note)


class BalancedBatches(NumberedBatches):
    """Full batches with `batch_size // classes` images of each class, and one more of as many classes as are left over.

    Which classes those are is drawn for each batch, so that all are equally frequent in expectation. No image comes
    again before all of its class have come.
    """

    def __init__(self, imbalance: Imbalance, batch_size: int, seed: int) -> None:
        super().__init__()
        self._features: Features = imbalance.train.features
        self._one_hot = imbalance.one_hot
        self._of_class = [imbalance.of_class(place) for place in range(len(imbalance.classes))]
        self._batch_size = batch_size
        self._seed = seed
        self.begin_epoch(0)

    def __len__(self) -> int:
        return math.ceil(len(self._one_hot) / self._batch_size)

    def __getitem__(self, batch: int) -> tuple[Features, npt.NDArray[np.float32]]:
        """Features [batch_size, ...] and targets float32 [batch_size, classes]."""
        chosen = self._plan[batch]
        return self._features[chosen], self._one_hot[chosen]

    def begin_epoch(self, epoch: int) -> None:
        """Draw an epoch's batches."""
        self._plan = self._draw(np.random.default_rng((self._seed, epoch)))

    def _draw(self, rng: np.random.Generator) -> list[Indices]:
        classes = len(self._of_class)
        each, left = divmod(self._batch_size, classes)
        quotas = np.full((len(self), classes), each)
        for quota in quotas:
            quota[rng.choice(classes, left, replace=False)] += 1
        ends = quotas.cumsum(axis=0)
        drawn = [_cycle(own, ends[-1, place], rng) for place, own in enumerate(self._of_class)]
        return [
            np.concatenate([own[end - size : end] for own, end, size in zip(drawn, row, quota, strict=True)])
            for row, quota in zip(ends, quotas, strict=True)
        ]


def draw_missing(imbalance: Imbalance, options: TrainingOptions) -> Indices:
    """Positions of as many random images of each class as it lacks to match the largest."""
    rng = np.random.default_rng(options.seed)
    missing = imbalance.counts.max() - imbalance.counts
    return np.concatenate([rng.choice(imbalance.of_class(place), size) for place, size in enumerate(missing)])


def _drawn(imbalance: Imbalance, chosen: Indices) -> Epoch:
    targets = imbalance.one_hot[chosen]
    return Epoch(imbalance.train.features[chosen], targets, targets.sum(axis=0, dtype=np.float64))


def _cycle(members: Indices, size: int, rng: np.random.Generator) -> Indices:
    """`size` of `members` in random order, none again before all have come."""
    rounds = math.ceil(size / len(members))
    return np.concatenate([np.empty(0, np.intp), *(rng.permutation(members) for _ in range(rounds))])[:size]
