"""What the shortcut probes look at: a challenger that is shown part of an image, and simple models beside it."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.snapshots import load_snapshot
from storage.store import Store
from tasks.features import gather_features, pool_places
from xray_model.data.looks import LUNGS_ALONE, LUNGS_HIDDEN, Look
from xray_model.evaluation.baselines import (
    Names,
    predict_from_metadata,
    probe_linearly,
    tell_source,
)
from xray_model.evaluation.decision import name_classes

if TYPE_CHECKING:
    import keras


def probe_images(
    store: Store,
    model: "keras.Model",
    snapshot_id: str,
    rows: pd.DataFrame,
    features: npt.NDArray[np.float16],
    seed: int,
) -> dict[str, Names]:
    """Columns of the prediction table that `evaluation.probes` judges, by name.

    A linear probe needs features that no training has seen, so there is none of a network that is trained whole.

    Args:
        store: where pixels and features lie.
        model: joined.
        snapshot_id: whose training split the simple models learn from.
        rows: of the test split.
        features: float16 [n, ...] of these rows.
        seed: of draws and folds.
    """
    from xray_model.network import inference, network

    frozen, head = network.split(model)
    classes, weights = network.class_names(model), network.decision_weights(model)

    def decide(look: Look, stage: str) -> Names:
        seen = gather_features(store, frozen, rows, stage, look).features
        return name_classes(inference.predict_features(head, seen), classes, weights)

    train = load_snapshot(store.objects, snapshot_id, "train")
    found = {
        "predicted_hidden": decide(LUNGS_HIDDEN, "hide the lungs"),
        "predicted_alone": decide(LUNGS_ALONE, "hide all but the lungs"),
        "predicted_metadata": predict_from_metadata(train, rows),
        "source_from_embedding": tell_source(inference.predict_features(network.embedding(head), features), rows, seed),
    }
    if frozen.weights:
        learned = gather_features(store, frozen, train, "see train images", pooled=True).features
        both = probe_linearly(learned, train, pool_places(features), rows, seed)
        found["predicted_linear"], found["predicted_elsewhere"] = both
    return found
