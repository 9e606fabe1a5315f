"""Real models that were never trained, in a real registry, and a ledger that puts them in service."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from storage.ledger import last_change, load_entries
from storage.objects import Objects
from storage.registry import MODEL_FILE, Registry
from tests.registering import evaluation
from tests.storage.entries import gate, write_ledger

CLASSES = ("covid", "normal")


@dataclass(frozen=True, slots=True)
class RealModel:
    """A model in the registry."""

    version: int
    run_id: str
    sha256: str
    path: Path
    """Of its `.keras` file."""


def register_model(
    registry: Registry,
    folder: Path,
    *,
    seed: int,
    side: int,
    backbone: str = "basic_cnn",
    input_side: int | None = None,
    weights: str = "none",
    spread: float = 1.0,
) -> RealModel:
    """Register a model whose classifier is drawn from a seed: two seeds contradict each other.

    Args:
        registry: which gets it.
        folder: where its file goes.
        seed: of its classifier.
        side: of the store's canonical pixels.
        backbone: its name.
        input_side: at which the backbone sees them; as they are without.
        weights: of the backbone, as `Weights.source`.
        spread: of the classifier's weights; where it is too large, all probabilities are 0 or 1.
    """
    from xray_model.network import network
    from xray_model.network.backbones import Weights, build_parts, find_backbone

    found = find_backbone(backbone)
    frozen = build_parts(found, side, input_side or side, Weights(weights), None).frozen
    head = network.build_head(found, frozen.output_shape[1:], CLASSES, dropout=0.0)
    scores = head.get_layer("scores")
    scores.kernel.assign(np.random.default_rng(seed).normal(0, spread, scores.kernel.shape))
    path = folder / f"seed-{seed}" / MODEL_FILE
    path.parent.mkdir()
    sha256 = network.save(network.join(frozen, head), path)
    client = registry._client()
    run_id = client.create_run(registry._experiment(client)).info.run_id
    client.log_artifact(run_id, str(path))
    return RealModel(registry.register(run_id, evaluation()), run_id, sha256, path)


def promote(objects: Objects, model: RealModel) -> None:
    """Let the gate put a model in service."""
    entries = load_entries(objects)
    change = last_change(entries)
    entry = gate(len(entries), model.version, None if change is None else change.version)
    now = {"decided": datetime.now(UTC), "run_id": model.run_id, "model_sha256": model.sha256}
    write_ledger(objects, entry.model_copy(update=now))
