"""Training: from a snapshot to a challenger kept in the registry."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from storage.store import Store, open_store
from tasks.material import Material
from tasks.skin import stage_task
from tasks.weights import fetch_weights
from xray_model.config import RetrainOptions
from xray_model.outcomes import TrainingOutcome

if TYPE_CHECKING:
    from xray_model.network.backbones import Parts


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
        ConfigurationError: fine-tuning cannot begin where the options say, or the rebalancing cannot work.
    """
    from xray_model.network import network, training
    from xray_model.network.backbones import build_parts, choose_features, choose_precision, find_backbone

    started = time.monotonic()
    chosen, classes = options.training, options.snapshot.classes
    backbone = find_backbone(chosen.backbone, chosen.alpha)
    side = chosen.input_side or backbone.default_side
    precision = choose_precision(backbone, chosen.precision)
    features = choose_features(backbone, chosen.features, chosen.fine_tune)
    hidden = backbone.hidden_units if chosen.hidden_units is None else chosen.hidden_units
    material = Material(store, snapshot_id, minority, options)
    with fetch_weights(store.objects, chosen) as source:

        def build(boundary: str | None) -> "Parts":
            training.set_seed(chosen.seed)  # also where weights are drawn: both cuts must hold the same
            return build_parts(backbone, store.side, side, source, boundary, precision, features)

        parts = build(None)
        tuned = None if chosen.fine_tune is None else build(chosen.fine_tune)
    head = network.build_head(backbone, parts.frozen.output_shape[1:], classes, chosen.dropout, hidden)
    if parts.champion is not None:
        network.warm_start(head, parts.champion)
    rate = chosen.learning_rate or backbone.learning_rate
    lesson = material.gather(parts.frozen)
    fit = training.fit_head(head, lesson, chosen, rate, material.tell, material.state("head"))
    model = network.join(parts.frozen, head)
    if tuned is not None and tuned.upper is not None:
        whole = network.extend_head(tuned.upper, head)
        model = network.join(tuned.frozen, whole)
        # A frozen part without weights only prepares the pixels, which take less room than what it makes of them.
        keeps = bool(tuned.frozen.weights)
        learner, lesson = (whole, material.gather(tuned.frozen)) if keeps else (model, material.gather_pixels())
        rate = chosen.fine_tune_rate or backbone.fine_tune_rate
        fit = training.fine_tune(learner, lesson, chosen, rate, fit, material.tell, material.state("fine-tune"))
    after, output = fit.rebalanced.counts, network.probabilities_layer(model)
    return TrainingOutcome(
        backbone=backbone.name,
        weights=parts.words,
        weights_sha256=parts.weights_sha256,
        input_side=side,
        precision=precision,
        features=features,
        hidden_units=hidden,
        fine_tuned=chosen.fine_tune,
        rebalancing=chosen.rebalancing,
        counts_before=material.count("train"),
        counts_after={name: round(float(after[place])) for place, name in enumerate(classes)},
        rebalancing_note=fit.rebalanced.note,
        log_offsets=dict(zip(classes, output.log_offsets, strict=True)),
        decision_weights=dict(zip(classes, output.decision_weights, strict=True)),
        epochs=fit.epochs,
        best_epoch=fit.best_epoch,
        seed=chosen.seed,
        run_id=run_id,
        model_sha256=network.save(model, path),
        seconds=round(time.monotonic() - started, 1),
        features_computed=material.computed,
        features_reused=material.reused,
    )
