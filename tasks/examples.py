"""Test images for a model card: where the model was right and wrong, and what spoke for its answer."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from storage.objects import Objects
from storage.predictions import load_predictions
from storage.registry import Registry
from storage.reports.examples import EXAMPLES_LIMIT, Example
from storage.settings import Settings
from storage.shards import iterate_pixels
from storage.snapshots import load_snapshot
from xray_model.outcomes import EvaluationOutcome

if TYPE_CHECKING:
    import keras


def find_examples(objects: Objects, run_id: str, challenger: EvaluationOutcome) -> list[Example]:
    """The surest misses and the surest hits of a model on its test split, each with its heat map.

    Args:
        objects: the store.
        run_id: MLflow run of the model.
        challenger: its evaluation.
    """
    from xray_model.network import network

    table = load_predictions(objects, challenger.predictions_key)
    labels = [score.label for score in challenger.classes]
    rows = load_snapshot(objects, challenger.snapshot_id, challenger.split)
    chosen = choose_images(table, labels, EXAMPLES_LIMIT).merge(rows[["image_id", "batch_id", "shard", "row"]])
    with Registry(Settings()).model_file(run_id) as path:
        model = network.load(path)
    return _explain(objects, model, chosen)


def choose_images(table: pd.DataFrame, classes: list[str], most: int) -> pd.DataFrame:
    """At most `most` misses and as many hits: of each pair of true and predicted class in turn, the surest first.

    Args:
        table: a prediction table.
        classes: what the model tells apart.
        most: of either kind.

    Returns:
        `image_id`, `label`, `predicted` and `probability`, that of the predicted class.
    """
    places = table["predicted"].map({name: place for place, name in enumerate(classes)})
    probabilities = table[[f"p_{name}" for name in classes]].to_numpy()
    chosen = table[["image_id", "label", "predicted"]].assign(
        probability=probabilities[np.arange(len(table)), places.to_numpy(np.intp)]
    )
    chosen = chosen.sort_values(["probability", "image_id"], ascending=[False, True], ignore_index=True)
    turn = chosen.groupby(["label", "predicted"]).cumcount()
    chosen = chosen.iloc[turn.sort_values(kind="stable").index]
    hit = chosen["label"] == chosen["predicted"]
    return pd.concat([chosen[~hit].head(most), chosen[hit].head(most)], ignore_index=True)


def _explain(objects: Objects, model: "keras.Model", chosen: pd.DataFrame) -> list[Example]:
    from xray_model.network.explain import explain

    pixels: dict[int, np.ndarray] = {}
    for positions, images in iterate_pixels(objects, chosen):
        pixels |= dict(zip(positions.tolist(), images, strict=True))
    heats: dict[int, np.ndarray] = {}
    for predicted, places in chosen.groupby("predicted").groups.items():
        maps = explain(model, np.stack([pixels[place] for place in places]), str(predicted))
        heats |= dict(zip(places, maps, strict=True))
    return [
        Example(
            image_id=str(row["image_id"]),
            pixels=pixels[place],
            heat=heats[place],
            label=str(row["label"]),
            predicted=str(row["predicted"]),
            probability=float(row["probability"]),
        )
        for place, row in enumerate(chosen.to_dict("records"))
    ]
