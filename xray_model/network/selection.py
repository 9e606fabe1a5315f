"""Which epoch's weights are kept: the best by validation minority F1, through both stages of a training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from xray_model.network.inference import predict_features
from xray_model.network.samples import LabelledFeatures
from xray_model.outcomes import EpochScore, Stage

_LEAST_PROBABILITY = 1e-7
OnEpoch = Callable[[EpochScore], None]


@dataclass(slots=True)
class Progress:
    """How far a training has come, and the best of it."""

    scores: list[EpochScore]
    """Of both stages."""
    best_epoch: int
    """Place in `scores`, from 1; 0 before the first epoch."""
    best_weights: list[npt.NDArray[Any]]

    @property
    def highest(self) -> float:
        """The highest minority F1 of any epoch."""
        return max((score.validation_minority_f1 for score in self.scores), default=0.0)

    @property
    def best(self) -> EpochScore | None:
        """The epoch that is kept; None before the first."""
        return self.scores[self.best_epoch - 1] if self.best_epoch else None


def is_better(score: EpochScore, kept: EpochScore | None, highest: float, patients: int) -> bool:
    """Whether an epoch takes the place of the one kept so far.

    Validation minority F1 decides, where it can: epochs less than a standard error below the highest are equally good
    by it, for a few images more or less are luck, and of these the one of the smallest validation loss is kept (the
    one-standard-error rule of Breiman, Friedman, Olshen and Stone 1984).

    Args:
        score: the new epoch.
        kept: the epoch kept so far; None before the first.
        highest: the highest F1 of any epoch, the new one included.
        patients: of the minority class in the validation split; the standard error is that of a share of so
            many.
    """
    if math.isnan(score.validation_loss):
        return kept is None
    least = highest - math.sqrt(highest * (1 - highest) / max(patients, 1))
    if score.validation_minority_f1 < least:
        return False
    if kept is None or math.isnan(kept.validation_loss) or kept.validation_minority_f1 < least:
        return True
    return score.validation_loss < kept.validation_loss


class BestByMinority(keras.callbacks.Callback):
    """Keeps the weights of the best epoch by `is_better`, and stops when none has been better for a while.

    Accuracy would reward a model that gives the minority class up. A second stage begins with the best of the first:
    where it makes nothing better, that is kept.
    """

    def __init__(
        self, stage: Stage, validation: LabelledFeatures, minority: int, patience: int, progress: Progress
    ) -> None:
        super().__init__()
        self.progress = progress
        self.on_score: OnEpoch | None = None
        self._stage = stage
        self._before = len(progress.scores)
        self._validation = validation
        self._minority = minority
        self._patients = _count_patients(validation, minority)
        self._patience = patience

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score the validation split and remember the best."""
        progress, losses = self.progress, logs or {}
        loss, f1 = self._judge()
        score = EpochScore(
            stage=self._stage,
            epoch=self._before + epoch + 1,
            loss=round(float(losses["loss"]), 6),
            validation_loss=round(loss, 6),
            validation_minority_f1=round(f1, 6),
        )
        progress.scores.append(score)
        if self.on_score is not None:
            self.on_score(score)
        if is_better(score, progress.best, progress.highest, self._patients):
            progress.best_epoch, progress.best_weights = score.epoch, self.model.get_weights()
        elif score.epoch - max(progress.best_epoch, self._before) >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best weights back."""
        del logs
        self.model.set_weights(self.progress.best_weights)

    def _judge(self) -> tuple[float, float]:
        """Cross-entropy and minority F1 on the validation split, under no rebalancing."""
        targets = self._validation.targets
        probabilities = predict_features(self.model, self._validation.features)
        if not np.isfinite(probabilities).all():
            return math.nan, 0.0  # it diverged; its earlier epochs are still good
        loss = -np.log(np.maximum(probabilities[np.arange(len(targets)), targets], _LEAST_PROBABILITY)).mean()
        f1 = f1_score(targets, probabilities.argmax(axis=1), labels=[self._minority], average=None, zero_division=0)[0]
        return float(loss), float(np.asarray(f1))


def _count_patients(split: LabelledFeatures, place: int) -> int:
    own = split.targets == place
    return int(own.sum()) if split.patients is None else len(np.unique(split.patients[own]))
