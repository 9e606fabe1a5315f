"""Training: from a snapshot to a challenger kept in the registry."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import Store, open_store
from tasks.features import Gathered, gather_features
from tasks.skin import stage_task
from xray_model.config import Augmentation, RetrainOptions
from xray_model.outcomes import EpochScore, TrainingOutcome
from xray_model.progress import advance

if TYPE_CHECKING:
    import keras

    from xray_model.network.samples import LabelledFeatures


@stage_task("train-challenger")
def train_challenger(snapshot_id: str, minority: str, options: RetrainOptions) -> TrainingOutcome:
    """Train on the training split, choose the epoch on the validation split, and record the model; no test image."""
    settings = Settings()
    store, registry = open_store(settings), Registry(settings)
    name = f"{options.training.backbone}-{snapshot_id}"
    with TemporaryDirectory(prefix="xray-training-") as folder, registry.training_run(name) as run_id:
        path = Path(folder) / MODEL_FILE
        outcome = fit_model(store, snapshot_id, minority, options, run_id, path)
        registry.record_training(outcome, snapshot_id, path, options.model_dump_json(indent=2))
    return outcome


def fit_model(
    store: Store, snapshot_id: str, minority: str, options: RetrainOptions, run_id: str, path: Path
) -> TrainingOutcome:
    """Train a model on a snapshot and write it to `path`.

    Raises:
        WeightsError: the weights the options name cannot be used.
    """
    from xray_model.network import network, training
    from xray_model.network.backbones import Weights, build_frozen, find_backbone

    started = time.monotonic()
    chosen, classes = options.training, options.snapshot.classes
    backbone = find_backbone(chosen.backbone, chosen.alpha)
    side, rate = chosen.input_side or backbone.default_side, chosen.learning_rate or backbone.learning_rate
    training.set_seed(chosen.seed)
    frozen, weights = build_frozen(backbone, store.side, side, Weights(chosen.weights, chosen.weights_sha256))
    head = network.build_head(backbone, frozen.output_shape[1:], classes, chosen.dropout)
    train, seen = _labelled(store, frozen, snapshot_id, "train", classes, chosen.augmented_views, chosen.augmentation)
    validation, checked = _labelled(store, frozen, snapshot_id, "validation", classes)

    def on_epoch(score: EpochScore) -> None:
        advance(f"train {backbone.name}", score.epoch, chosen.epochs)

    fit = training.fit_head(head, train, validation, classes, minority, chosen, rate, on_epoch)
    # Every image has as many views as any other.
    before = np.bincount(train.targets, minlength=len(classes)) // (1 + chosen.augmented_views)
    after = fit.rebalanced.counts
    output = network.probabilities_layer(head)
    return TrainingOutcome(
        backbone=backbone.name,
        weights=weights,
        input_side=side,
        rebalancing=chosen.rebalancing,
        counts_before={name: int(before[place]) for place, name in enumerate(classes)},
        counts_after={name: round(float(after[place])) for place, name in enumerate(classes)},
        rebalancing_note=fit.rebalanced.note,
        log_offsets=dict(zip(classes, output.log_offsets, strict=True)),
        decision_weights=dict(zip(classes, output.decision_weights, strict=True)),
        epochs=fit.epochs,
        best_epoch=fit.best_epoch,
        seed=chosen.seed,
        run_id=run_id,
        model_sha256=network.save(network.join(frozen, head), path),
        seconds=round(time.monotonic() - started, 1),
        features_computed=seen.computed + checked.computed,
        features_reused=seen.reused + checked.reused,
    )


def _labelled(
    store: Store,
    frozen: "keras.Model",
    snapshot_id: str,
    split: str,
    classes: tuple[str, ...],
    views: int = 0,
    augmentation: Augmentation | None = None,
) -> "tuple[LabelledFeatures, Gathered]":
    """The images of a split, followed by as many augmented views of each: of the training split alone."""
    from xray_model.network.samples import LabelledFeatures

    rows = load_snapshot(store.objects, snapshot_id, split)
    stages = [f"see {split} images", *(f"see view {view} of {split} images" for view in range(1, views + 1))]
    found = [gather_features(store, frozen, rows, stage, view, augmentation) for view, stage in enumerate(stages)]
    features = np.concatenate([gathered.features for gathered in found]) if views else found[0].features
    together = Gathered(features, sum(one.computed for one in found), sum(one.reused for one in found))
    targets = rows["label"].map({name: place for place, name in enumerate(classes)}).to_numpy().astype(np.intp)
    patients = rows["patient_id"].to_numpy(np.str_)
    return LabelledFeatures(features, np.tile(targets, 1 + views), np.tile(patients, 1 + views)), together
