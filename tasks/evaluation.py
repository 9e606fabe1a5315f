"""Evaluation: a model's predictions on one split of a snapshot, and every figure that follows from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from storage.predictions import load_predictions, predictions_key, save_predictions
from storage.registry import Registry
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store
from tasks.features import gather_features
from tasks.probing import probe_images
from tasks.skin import stage_task
from tasks.strangeness import keep_strangeness
from xray_model.config import GatePolicy
from xray_model.evaluation.gate import UNKNOWN, decide
from xray_model.evaluation.metrics import evaluate_table
from xray_model.evaluation.probes import run_probes
from xray_model.outcomes import ClassScore, Decision, EvaluationOutcome


@stage_task("evaluate-model")
def evaluate_model(
    run_id: str,
    model: str,
    snapshot_id: str,
    minority: str,
    policy: GatePolicy,
    *,
    probe: bool = False,
    against: str | None = None,
) -> EvaluationOutcome:
    """Score a recorded model on the test split, in one pass that keeps predictions and labels together.

    A model whose predictions are not numbers gets no figures, and no further than the gate.

    Args:
        run_id: MLflow run of the model.
        model: what it is called.
        snapshot_id: what it is scored on.
        minority: the class that decides.
        policy: how the figures are computed.
        probe: whether the shortcut probes are run too; what they need stands in the same table.
        against: MLflow run of the challenger, where the champion is scored again.
    """
    from xray_model.network import inference, network

    settings = Settings()
    store = open_store(settings)
    with Registry(settings).model_file(run_id) as path:
        loaded = network.load(path)
    frozen, head = network.split(loaded)
    classes = network.class_names(loaded)
    rows = load_snapshot(store.objects, snapshot_id, "test")
    features = gather_features(store, frozen, rows, "see test images").features
    key = predictions_key(run_id, snapshot_id, "test", against)
    probabilities = inference.predict_features(head, features)
    sound = bool(np.isfinite(probabilities).all())
    if sound:
        embedding = inference.predict_features(network.embedding(head), features)
        keep_strangeness(store.objects, run_id, embedding, rows["patient_id"].to_numpy())
    probed = probe_images(store, loaded, snapshot_id, rows, features, policy.seed) if probe and sound else None
    weights = network.decision_weights(loaded)
    table = save_predictions(store.objects, key, rows, classes, probabilities, weights, probed)
    about = {
        "model": model,
        "snapshot_id": snapshot_id,
        "split": "test",
        "minority": minority,
        "predictions_key": key,
    }
    if not sound:
        return _know_nothing(table, classes, **about)
    outcome = evaluate_table(
        table,
        classes,
        **about,
        draws=policy.draws,
        seed=policy.seed,
        subgroup_patients=policy.subgroup_patients,
    )
    if not probe:
        return outcome
    training = load_snapshot(store.objects, snapshot_id, "train")
    probes = run_probes(table, training, minority, policy.shortcuts, policy.subgroup_patients)
    return outcome.model_copy(update={"probes": probes})


@stage_task("decide")
def decide_promotion(
    challenger: EvaluationOutcome,
    champion: EvaluationOutcome | None,
    champion_classes: tuple[str, ...] | None,
    policy: GatePolicy,
) -> Decision:
    """Put the stored predictions of challenger and champion before the gate."""
    objects = open_store(Settings()).objects
    return decide(
        challenger,
        load_predictions(objects, challenger.predictions_key),
        champion,
        None if champion is None else load_predictions(objects, champion.predictions_key),
        policy,
        champion_classes,
    )


def _know_nothing(table: pd.DataFrame, classes: Sequence[str], **about: Any) -> EvaluationOutcome:
    """The evaluation of a model whose predictions are not numbers: what was counted, and of no figure a value."""
    counts = table.groupby("label")["patient_id"].agg(["size", "nunique"]).reindex(list(classes), fill_value=0)
    return EvaluationOutcome(
        classes=tuple(
            ClassScore(
                label=str(label), precision=UNKNOWN, recall=UNKNOWN, f1=UNKNOWN, images=images, patients=patients
            )
            for label, images, patients in counts.itertuples()
        ),
        confusion=((0,) * len(classes),) * len(classes),
        macro_f1=UNKNOWN,
        images=len(table),
        patients=table["patient_id"].nunique(),
        **about,
    )
