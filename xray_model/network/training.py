"""Training a head on the features of the frozen part; epochs and weights are chosen on the validation split."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from xray_model.config import TrainingOptions
from xray_model.evaluation.decision import choose_decision_weights, decide_classes, prior_offsets
from xray_model.network.inference import predict_features
from xray_model.network.network import probabilities_layer
from xray_model.network.rebalancing import rebalance
from xray_model.network.rebalancing.epoch import Epoch, one_hot
from xray_model.network.samples import LabelledFeatures
from xray_model.outcomes import EpochScore

_log = logging.getLogger(__name__)

OnEpoch = Callable[[EpochScore], None]


@dataclass(frozen=True, slots=True)
class Fit:
    """How a training went. The head holds the weights of `best_epoch`."""

    epochs: tuple[EpochScore, ...]
    best_epoch: int
    rebalanced: Epoch


class BestByMinority(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best validation minority F1, and stops when none gets better.

    Accuracy would reward a model that gives the minority class up. Equal F1 is decided by the smaller loss.
    """

    def __init__(self, validation: LabelledFeatures, minority: int, patience: int, on_epoch: OnEpoch | None) -> None:
        super().__init__()
        self.scores: list[EpochScore] = []
        self._validation = validation
        self._minority = minority
        self._patience = patience
        self._on_epoch = on_epoch
        self._best: tuple[float, float] = (-1.0, 0.0)
        self._best_weights: list[npt.NDArray[Any]] = []
        self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score the validation split and remember the best."""
        losses = logs or {}
        probabilities = self.model.predict(self._validation.features, batch_size=256, verbose=0)
        predicted = decide_classes(probabilities, [1.0] * probabilities.shape[1])
        f1 = f1_score(self._validation.targets, predicted, labels=[self._minority], average=None, zero_division=0)[0]
        score = EpochScore(
            epoch=epoch + 1,
            loss=round(float(losses["loss"]), 6),
            validation_loss=round(float(losses["val_loss"]), 6),
            validation_minority_f1=round(float(f1), 6),
        )
        self.scores.append(score)
        if self._on_epoch is not None:
            self._on_epoch(score)
        if (score.validation_minority_f1, -score.validation_loss) > self._best:
            self._best = (score.validation_minority_f1, -score.validation_loss)
            self._best_weights = self.model.get_weights()
            self.best_epoch = score.epoch
        elif score.epoch - self.best_epoch >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best weights back."""
        del logs
        self.model.set_weights(self._best_weights)


def fit_head(
    head: keras.Model,
    train: LabelledFeatures,
    validation: LabelledFeatures,
    classes: Sequence[str],
    minority: str,
    options: TrainingOptions,
    learning_rate: float,
    on_epoch: OnEpoch | None = None,
) -> Fit:
    """Train a head in place, and set in it how its probabilities are corrected and its label is chosen.

    Args:
        head: features to probabilities.
        train: the training split; it alone is rebalanced.
        validation: the validation split as it is.
        classes: names of the class numbers.
        minority: the class whose validation F1 chooses the epoch.
        options: epochs, batch size, rebalancing, correction, threshold, seed.
        learning_rate: Adam's.
        on_epoch: told of each epoch.

    Raises:
        InvalidInput: a class has no training image.
        ConfigurationError: the rebalancing cannot work on these images.
    """
    rebalanced = rebalance(train, classes, options)
    place = list(classes).index(minority)
    output = probabilities_layer(head)
    true = np.bincount(train.targets, minlength=len(classes)).astype(np.float64)
    output.log_offsets = prior_offsets(rebalanced.counts if options.prior_correction else true, true)
    head.compile(optimizer=keras.optimizers.Adam(learning_rate), loss=rebalanced.loss)
    best = BestByMinority(validation, place, options.patience, on_epoch)
    head.fit(
        **rebalanced.feed(options.batch_size),
        validation_data=(validation.features, one_hot(validation.targets, len(classes))),
        epochs=options.epochs,
        callbacks=[best],
        verbose=0,
    )
    _log.info("kept epoch %d of %d", best.best_epoch, len(best.scores))
    if options.decision_threshold:
        output.decision_weights = _choose_weights(head, validation, place, options.seed)
    return Fit(tuple(best.scores), best.best_epoch, rebalanced)


def _choose_weights(head: keras.Model, validation: LabelledFeatures, minority: int, seed: int) -> tuple[float, ...]:
    patients = validation.patients
    if patients is None:
        patients = np.arange(len(validation.targets)).astype(np.str_)
    probabilities = predict_features(head, validation.features)
    return choose_decision_weights(probabilities, validation.targets, patients, minority, seed)


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and the backend before a network is built."""
    keras.utils.set_random_seed(seed)
