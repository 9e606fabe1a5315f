"""Evaluation: a model's predictions on one split of a snapshot, and every figure that follows from them."""

from storage.predictions import load_predictions, predictions_key, save_predictions
from storage.registry import Registry
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import open_store
from tasks.features import gather_features
from tasks.probing import probe_images
from tasks.skin import stage_task
from xray_model.config import GatePolicy
from xray_model.evaluation.gate import decide
from xray_model.evaluation.metrics import evaluate_table
from xray_model.evaluation.probes import run_probes
from xray_model.outcomes import Decision, EvaluationOutcome


@stage_task("evaluate-model")
def evaluate_model(
    run_id: str, model: str, snapshot_id: str, minority: str, policy: GatePolicy, *, probe: bool = False
) -> EvaluationOutcome:
    """Score a recorded model on the test split, in one pass that keeps predictions and labels together.

    With `probe` the shortcut probes are run too; what they need stands in the same table.
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
    key = predictions_key(run_id, snapshot_id, "test")
    probabilities = inference.predict_features(head, features)
    probed = probe_images(store, loaded, snapshot_id, rows, features, policy.seed) if probe else None
    weights = network.decision_weights(loaded)
    table = save_predictions(store.objects, key, rows, classes, probabilities, weights, probed)
    outcome = evaluate_table(
        table,
        classes,
        model=model,
        snapshot_id=snapshot_id,
        split="test",
        minority=minority,
        predictions_key=key,
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
