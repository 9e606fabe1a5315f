"""Training in two stages, each on what is kept of the images: the head, then the upper part of the backbone with it."""

import logging
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from xray_model.config import Augmentation, TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.evaluation.calibration import apply_temperature, fit_temperature
from xray_model.evaluation.decision import choose_decision_weights, prior_offsets
from xray_model.network.backbones import computes_in_float16
from xray_model.network.batches import AugmentedBatches
from xray_model.network.checkpoint import Checkpoint, StateFile
from xray_model.network.devices import count_replicas
from xray_model.network.feeding import BeginEpochs
from xray_model.network.inference import predict_features
from xray_model.network.memory import fit_in_memory
from xray_model.network.network import forget_graphs, probabilities_layer, standardise
from xray_model.network.rebalancing import rebalance
from xray_model.network.rebalancing.epoch import Epoch
from xray_model.network.samples import LabelledFeatures
from xray_model.network.selection import BestByMinority, OnEpoch, Progress
from xray_model.outcomes import EpochScore, Stage

_log = logging.getLogger(__name__)
_POOLED = 2
"""Dimensions of pooled features."""
_STEPS_AT_ONCE = 32
"""Steps between two returns to Python, which take longer than a step of a small head."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned, and from what."""

    train: LabelledFeatures
    """It alone is rebalanced."""
    validation: LabelledFeatures
    """As it is: it chooses the epoch and the threshold."""
    classes: Sequence[str]
    """Names of the class numbers."""
    minority: str
    """The class whose validation F1 chooses the epoch."""
    augmentation: Augmentation | None = None
    """How each epoch's own views of training pixels are drawn; None shows what there is as it is."""

    @property
    def minority_place(self) -> int:
        """Number of the minority class."""
        return list(self.classes).index(self.minority)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a training went. The model holds the weights of `best_epoch`."""

    epochs: tuple[EpochScore, ...]
    """Of both stages."""
    best_epoch: int
    rebalanced: Epoch


def fit_head(
    head: keras.Model,
    lesson: Lesson,
    options: TrainingOptions,
    learning_rate: float,
    on_epoch: OnEpoch | None = None,
    state: StateFile | None = None,
) -> Fit:
    """Train a head in place, and set in it how its probabilities are corrected and its label is chosen.

    Args:
        head: features to probabilities.
        lesson: the features it learns from.
        options: epochs, batch size, rebalancing, correction, threshold, seed.
        learning_rate: Adam's.
        on_epoch: told of each epoch.
        state: file by which an interrupted training goes on; None keeps none.

    Raises:
        InvalidInput: a class has no training image.
        ConfigurationError: the rebalancing cannot work on these images, or accumulation on these devices.
    """
    standardise(head, lesson.train.features)
    run = _Run("head", options.epochs, learning_rate, Progress([], 0, head.get_weights()), on_epoch, state)
    return _fit(head, lesson, options, run)


def fine_tune(
    model: keras.Model,
    lesson: Lesson,
    options: TrainingOptions,
    learning_rate: float,
    before: Fit,
    on_epoch: OnEpoch | None = None,
    state: StateFile | None = None,
) -> Fit:
    """Go on with the upper part of the backbone and the head that was trained on it, both together.

    Batch normalisation stays as it was learned, and the optimiser begins anew. Where no epoch is better on the
    validation split than the best of the head, the model stays as it was given.

    Args:
        model: activations at the boundary to probabilities (`network.extend_head`).
        lesson: the activations it learns from.
        options: as for `fit_head`.
        learning_rate: Adam's.
        before: how the head was trained.
        on_epoch: told of each epoch.
        state: file by which an interrupted training goes on; None keeps none.
    """
    model.trainable = True
    progress = Progress([*before.epochs], before.best_epoch, model.get_weights())
    return _fit(
        model, lesson, options, _Run("fine-tune", options.fine_tune_epochs, learning_rate, progress, on_epoch, state)
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One stage."""

    stage: Stage
    epochs: int
    learning_rate: float
    start: Progress
    on_epoch: OnEpoch | None
    state: StateFile | None


def _fit(model: keras.Model, lesson: Lesson, options: TrainingOptions, run: _Run) -> Fit:
    weights = model.get_weights()
    done: list[tuple[Progress, Epoch]] = []

    def attempt(batch_size: int, accumulation: int) -> None:
        model.set_weights(weights)
        chosen = options.model_copy(update={"batch_size": batch_size, "gradient_accumulation": accumulation})
        done.append(_attempt(model, lesson, chosen, run))

    pooled, alone = lesson.train.features.ndim == _POOLED, count_replicas() == 1
    batch_size = options.head_batch_size if pooled else options.batch_size
    accumulation = 1 if pooled else options.gradient_accumulation
    if accumulation > 1 and not alone:
        raise ConfigurationError(
            "gradients cannot be accumulated on several devices: leave gradient_accumulation at 1, or let "
            "CUDA_VISIBLE_DEVICES name one device"
        )
    fit_in_memory(attempt, batch_size, accumulation, accumulates=alone)
    progress, rebalanced = done[-1]
    _log.info("kept epoch %d of %d", progress.best_epoch, len(progress.scores))
    _calibrate(model, lesson, options)
    return Fit(tuple(progress.scores), progress.best_epoch, rebalanced)


def _attempt(model: keras.Model, lesson: Lesson, options: TrainingOptions, run: _Run) -> tuple[Progress, Epoch]:
    rebalanced = rebalance(lesson.train, lesson.classes, options)
    true = np.bincount(lesson.train.targets, minlength=len(lesson.classes)).astype(np.float64)
    output = probabilities_layer(model)
    output.log_offsets = prior_offsets(rebalanced.counts if options.prior_correction else true, true)
    output.temperature = 1.0
    batches = rebalanced.feed(options.batch_size, options.seed)
    steps = min(options.gradient_accumulation, len(batches))
    if steps < options.gradient_accumulation:
        _log.warning("an epoch has %d batches, so a step is made of no more", steps)
    optimizer = keras.optimizers.Adam(run.learning_rate, gradient_accumulation_steps=steps if steps > 1 else None)
    if computes_in_float16(model):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    at_once = _STEPS_AT_ONCE if count_replicas() == 1 else 1  # TensorFlow cannot do both
    model.compile(optimizer=optimizer, loss=rebalanced.loss, steps_per_execution=at_once)
    progress = copy(run.start)
    progress.scores = [*run.start.scores]
    best = BestByMinority(run.stage, lesson.validation, lesson.minority_place, options.patience, progress)
    best.on_score = run.on_epoch
    if lesson.augmentation is not None:
        batches = AugmentedBatches(batches, lesson.augmentation, options.seed)
    callbacks = [BeginEpochs(batches), best]
    checkpoint = None if run.state is None else Checkpoint(run.state, best)
    first = 0 if checkpoint is None else checkpoint.restore(model)
    if checkpoint is not None:
        callbacks.append(checkpoint)
    model.fit(batches, initial_epoch=first, epochs=run.epochs, callbacks=callbacks, shuffle=False, verbose=0)
    if checkpoint is not None:
        checkpoint.clear()
    return progress, rebalanced


def _calibrate(model: keras.Model, lesson: Lesson, options: TrainingOptions) -> None:
    """Set temperature and decision weights by the validation split, the weights for what the temperature makes."""
    validation, output = lesson.validation, probabilities_layer(model)
    patients = validation.patients
    if patients is None:
        patients = np.arange(len(validation.targets)).astype(np.str_)
    probabilities: npt.NDArray[np.floating] = predict_features(model, validation.features)
    if options.temperature_scaling:
        output.temperature = fit_temperature(probabilities, validation.targets)
        probabilities = apply_temperature(probabilities, output.temperature)
        forget_graphs(model)
    output.decision_weights = (1.0,) * len(lesson.classes)
    if options.decision_threshold:
        output.decision_weights = choose_decision_weights(
            probabilities, validation.targets, patients, lesson.minority_place, options.seed
        )
