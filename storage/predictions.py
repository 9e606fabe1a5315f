"""Prediction tables by image: every figure of an evaluation can be computed again from one."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.objects import Objects
from xray_model.evaluation.decision import name_classes

FACTS = ("image_id", "patient_id", "label", "source", "view", "sex", "age", "manufacturer")
"""What a table tells of an image beside its predictions: by whom and by what group it is counted."""


def predictions_key(model: str, snapshot_id: str, split: str, against: str | None = None) -> str:
    """Key of one model's table for one split of one snapshot.

    Args:
        model: its MLflow run.
        snapshot_id: of the rows.
        split: of the snapshot.
        against: MLflow run of the challenger that it was scored again beside; None for its own evaluation. No decision
            then loses the table it rests on.
    """
    compared = "" if against is None else f"-against-{against}"
    return f"predictions/{model}/{snapshot_id}-{split}{compared}.parquet"


def save_predictions(
    objects: Objects,
    key: str,
    rows: pd.DataFrame,
    classes: Sequence[str],
    probabilities: npt.NDArray[np.floating],
    decision_weights: Sequence[float],
    probed: Mapping[str, npt.NDArray[np.object_]] | None = None,
) -> pd.DataFrame:
    """Put labels, probabilities and what the model decides side by side.

    Args:
        objects: the store.
        key: where to.
        rows: `FACTS` of the images, in the order they were predicted.
        classes: names of the columns of `probabilities`.
        probabilities: float [n, classes].
        decision_weights: the model's own, one for each class.
        probed: what the shortcut probes look at, by column: a class or a source for each image, or None.

    Returns:
        The table: `FACTS`, then `p_<class>`, then `predicted`, the name of the class decided on (None where a
        probability is not a number), then `probed`.
    """
    table = rows[list(FACTS)].reset_index(drop=True)
    for column, name in enumerate(classes):
        table[f"p_{name}"] = probabilities[:, column].astype(np.float32)
    table["predicted"] = name_classes(probabilities, classes, decision_weights)
    table = table.assign(**(probed or {}))
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    objects.put(key, buffer.getvalue())
    return table


def load_predictions(objects: Objects, key: str) -> pd.DataFrame:
    """A table that `save_predictions` put.

    Raises:
        ObjectNotFound: there is none under this key.
    """
    return pd.read_parquet(io.BytesIO(objects.get(key)))
