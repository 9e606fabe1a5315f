"""Training: from a snapshot to a challenger kept in the registry."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import Store, open_store
from tasks.material import Material
from tasks.skin import stage_task
from tasks.weights import fetch_weights
from xray_model.config import RetrainOptions
from xray_model.outcomes import EpochScore, TrainingOutcome

if TYPE_CHECKING:
    import keras

    from xray_model.network.backbones import Parts
    from xray_model.network.recipe import Recipe
    from xray_model.network.training import Fit


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


class Fitted(NamedTuple):
    """A model as it was trained, and how that went."""

    model: "keras.Model"
    """Joined."""
    outcome: TrainingOutcome


def fit_model(
    store: Store, snapshot_id: str, minority: str, options: RetrainOptions, run_id: str, path: Path
) -> TrainingOutcome:
    """Train a model on a snapshot and write it to `path`; raises as `fit_material`."""
    rows = {split: load_snapshot(store.objects, snapshot_id, split) for split in ("train", "validation")}
    return fit_material(store, Material(store, rows, snapshot_id, minority, options), run_id, path).outcome


def fit_material(store: Store, material: Material, run_id: str, path: Path) -> Fitted:
    """Train a model and write it to `path`.

    Raises:
        WeightsError: the weights the options name cannot be used.
        ConfigurationError: fine-tuning cannot begin where the options say, or the rebalancing cannot work.
    """
    from xray_model.network import network
    from xray_model.network.devices import find_devices, spread_over
    from xray_model.network.recipe import choose_recipe

    started = time.monotonic()
    recipe = choose_recipe(material.training, store.side)
    with spread_over(find_devices().accelerators):
        trained = _train(store, recipe, material)
    digest = network.save(trained.model, path)
    seconds = round(time.monotonic() - started, 1)
    facts = _describe(trained, recipe, material)
    return Fitted(trained.model, TrainingOutcome(run_id=run_id, model_sha256=digest, seconds=seconds, **facts))


def try_material(store: Store, material: Material) -> EpochScore:
    """Train a model that nobody keeps; gives the epoch that would have been kept."""
    from xray_model.network.devices import find_devices, spread_over
    from xray_model.network.recipe import choose_recipe

    recipe = choose_recipe(material.training, store.side)
    with spread_over(find_devices().accelerators):
        fit = _train(store, recipe, material).fit
    return fit.epochs[fit.best_epoch - 1]


class _Trained(NamedTuple):
    model: "keras.Model"
    """Joined."""
    parts: "Parts"
    """Where its weights came from."""
    fit: "Fit"


def _train(store: Store, recipe: "Recipe", material: Material) -> _Trained:
    """The head on pooled features, then the upper part of the backbone with it where the options say so."""
    from xray_model.network import network, training

    options = recipe.options
    with fetch_weights(store.objects, options) as source:
        parts = recipe.build_parts(source, None)
        tuned = None if options.fine_tune is None else recipe.build_parts(source, options.fine_tune)
    head = recipe.build_head(parts, material.classes)
    lesson, state = material.gather(parts.frozen), material.state("head", parts.words)
    fit = training.fit_head(head, lesson, options, recipe.learning_rate, material.tell, state)
    if tuned is None or tuned.upper is None:
        return _Trained(network.join(parts.frozen, head), parts, fit)
    upper = network.extend_head(tuned.upper, head)
    model = network.join(tuned.frozen, upper)
    # A frozen part without weights only prepares the pixels, which take less room than what it makes of them.
    keeps = bool(tuned.frozen.weights)
    learner, lesson = (upper, material.gather(tuned.frozen)) if keeps else (model, material.gather_pixels())
    state = material.state("fine-tune", parts.words)
    fit = training.fine_tune(learner, lesson, options, recipe.fine_tune_rate, fit, material.tell, state)
    return _Trained(model, parts, fit)


def _describe(trained: _Trained, recipe: "Recipe", material: Material) -> dict[str, Any]:
    """The fields of the outcome that tell what was trained, on what, and how it went."""
    from xray_model.network.network import probabilities_layer

    fit, classes, output = trained.fit, material.classes, probabilities_layer(trained.model)
    return {
        "backbone": recipe.backbone.name,
        "weights": trained.parts.words,
        "weights_sha256": trained.parts.weights_sha256,
        "input_side": recipe.side,
        "precision": recipe.precision,
        "features": recipe.features,
        "hidden_units": recipe.hidden_units,
        "fine_tuned": recipe.options.fine_tune,
        "rebalancing": recipe.options.rebalancing,
        "counts_before": material.count("train"),
        "counts_after": {name: round(float(fit.rebalanced.counts[place])) for place, name in enumerate(classes)},
        "rebalancing_note": fit.rebalanced.note,
        "log_offsets": dict(zip(classes, output.log_offsets, strict=True)),
        "decision_weights": dict(zip(classes, output.decision_weights, strict=True)),
        "temperature": output.temperature,
        "epochs": fit.epochs,
        "best_epoch": fit.best_epoch,
        "seed": recipe.options.seed,
        "features_computed": material.computed,
        "features_reused": material.reused,
    }
