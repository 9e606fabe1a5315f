"""Drift frames: what of each image is compared, of the champion's reference and of new images."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.catalog import batch_family, current_batches, load_rows
from storage.decisions import load_tables_now
from storage.known import newest_rows
from storage.objects import Objects
from storage.references import Reference, load_reference, save_reference
from storage.scoring_log import load_scores
from storage.snapshots import load_snapshot, select_rows
from storage.store import Store
from tasks.features import gather_features
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.errors import InvalidInput
from xray_model.evaluation.decision import decide_classes
from xray_model.evaluation.drift.columns import EMBEDDING, IDENTITY
from xray_model.evaluation.drift.frame import Axes, build_frame, fit_axes
from xray_model.progress import advance

if TYPE_CHECKING:
    import keras

PLACE = ("batch_id", "shard", "row")
_FACTS = (*QUALITY_FIGURES, "bits", "window_path", "manufacturer", "view", "sex", "age", "label")
COLUMNS = tuple(dict.fromkeys((*IDENTITY, *PLACE, *_FACTS)))
"""What is read of new images."""
_NOT_IN_SNAPSHOTS = ("bits", "window_path")
_UNSEEN = ("validation", "test")
_BATCHES_AT_ONCE = 16
_FEATURES_AT_ONCE = 128 * 2**20
"""Bytes; what a network that is trained whole is given of an image is as large as the image."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model makes of some images."""

    probabilities: npt.NDArray[np.float32]
    """[n, classes]; NaN where they are not numbers."""
    predicted: npt.NDArray[np.object_]
    """[n]: the class decided on, None likewise."""
    embedding: npt.NDArray[np.float32]
    """[n, d]"""


def load_or_build_reference(store: Store, model: "keras.Model", run_id: str, snapshot_id: str) -> Reference:
    """The reference of a model and a snapshot, computed where none is kept.

    Raises:
        ObjectNotFound: there is no such snapshot, or a batch of it has left the catalog.
    """
    kept = load_reference(store.objects, run_id, snapshot_id)
    if kept is not None:
        return kept
    made = build_reference(store, model, snapshot_id)
    if save_reference(store.objects, run_id, snapshot_id, made):
        return made
    return load_reference(store.objects, run_id, snapshot_id) or made  # damaged meanwhile, it is made again next time


def build_reference(store: Store, model: "keras.Model", snapshot_id: str) -> Reference:
    """The frame of all rows of a snapshot, with the model's answers for those that it has not learned from.

    A network is surer of images that it was trained on, and sees them otherwise than any new one.
    """
    from xray_model.network import network

    rows = join_facts(store.objects, load_snapshot(store.objects, snapshot_id))
    unseen = rows["split"].isin(_UNSEEN).to_numpy()
    some = ask_model(store, model, rows[unseen], "see reference images")
    if not len(some.embedding):
        return Reference(build_frame(rows, network.class_names(model), None, None, None, None), None)
    predicted = np.full(len(rows), None, object)
    predicted[unseen] = some.predicted
    axes = _find_axes(some.embedding)
    frame = build_frame(
        rows,
        network.class_names(model),
        _spread(some.probabilities, unseen),
        predicted.tolist(),
        None if axes is None else _spread(some.embedding, unseen),
        axes,
    )
    return Reference(frame, None if axes is None else axes.to_array())


def load_new_rows(
    objects: Objects, batches: Sequence[str], classes: Sequence[str], sources: Sequence[str] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """`COLUMNS` of the images of some batches that train, or wait to, as they count now, and notes on the others.

    Args:
        objects: the store.
        batches: their ids.
        classes: findings that the champion tells apart; it is not trained on images of another.
        sources: those whose images it is trained on; all where empty.
    """
    families = {batch_family(batch_id) for batch_id in batches}
    current = [batch_id for batch_id in current_batches(objects) if batch_family(batch_id) in families]
    readings = [*(batch_id for batch_id in batches if batch_id not in current), *current]
    rows, _ = load_tables_now(objects, list(dict.fromkeys([*COLUMNS, "key", "revision", "status"])), readings)
    own = rows["batch_id"].isin(batches) & rows["status"].isin(("accepted", "held"))
    chosen, excluded = select_rows(rows[own], newest_rows(rows)[own], classes, sources)
    notes = tuple(f"Not compared, since no training takes them in: {n} images {why}." for why, n in excluded.items())
    return chosen[list(COLUMNS)].reset_index(drop=True), notes


def build_current(
    store: Store, model: "keras.Model", rows: pd.DataFrame, axes: npt.NDArray[np.floating] | None
) -> pd.DataFrame:
    """The frame of new images.

    Args:
        store: where pixels and features lie.
        model: joined.
        rows: of `load_new_rows`.
        axes: of the reference; None where it has no embedding.
    """
    from xray_model.network import network

    found = ask_model(store, model, rows, "see new images")
    return build_frame(
        rows,
        network.class_names(model),
        found.probabilities,
        found.predicted.tolist(),
        None if axes is None else found.embedding,
        None if axes is None else Axes.from_array(axes),
    )


def build_served(
    objects: Objects, since: date, until: date, run_id: str, classes: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame of what a model was asked on these days, and notes on it; empty where it was asked nothing.

    The log names no patient, so that each image counts as one, once, with the last answer to it.
    """
    answers = load_scores(objects, since, until, run_id)
    scores = answers.drop_duplicates("image_id", keep="last", ignore_index=True)
    repeats = len(answers) - len(scores)
    notes = ["What was asked in service names no patient: each image counts as one."] if len(scores) else []
    notes += [f"{repeats} times an image was asked again: it counts once, by the last answer."] if repeats else []
    names = [f"p_{label}" for label in classes]
    rows = scores.assign(patient_id=scores["image_id"]).reindex(columns=[*dict.fromkeys([*scores, *IDENTITY, *names])])
    frame = build_frame(rows, classes, rows[names].to_numpy(np.float32), rows["predicted"].tolist(), None, None)
    axes = [name for name in EMBEDDING if name in rows]
    unknown = ["source"] if frame["source"].isna().all() else []
    return pd.concat([frame.drop(columns=unknown), rows[axes]], axis=1), tuple(notes)


def join_facts(objects: Objects, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a snapshot with what it leaves to the catalog; some batches are read at a time.

    Raises:
        ObjectNotFound: a batch has left the catalog.
    """
    batches = list(rows["batch_id"].unique())
    parts = []
    for start in range(0, len(batches), _BATCHES_AT_ONCE):
        chosen = batches[start : start + _BATCHES_AT_ONCE]
        facts = load_rows(objects, ["batch_id", "image_id", "shard", *_NOT_IN_SNAPSHOTS], chosen)
        # Of two rows of one image, one alone has pixels.
        known = facts[facts["shard"].notna()].drop(columns="shard").drop_duplicates(["batch_id", "image_id"])
        parts.append(rows[rows["batch_id"].isin(chosen)].merge(known, "left", ["batch_id", "image_id"]))
    return pd.concat(parts, ignore_index=True) if parts else rows.assign(**dict.fromkeys(_NOT_IN_SNAPSHOTS))


def ask_model(store: Store, model: "keras.Model", rows: pd.DataFrame, stage: str) -> Answers:
    """What a model makes of `rows` (`image_id` and `PLACE`), through the feature cache, some at a time."""
    from xray_model.network import inference, network

    frozen, head = network.split(model)
    sight = network.embedding(head)
    shape = frozen.output_shape[1:]
    at_once = max(inference.BATCH, _FEATURES_AT_ONCE // int(2 * np.prod(shape)))
    order = rows.reset_index(drop=True).sort_values(list(PLACE)).index.to_numpy()
    classes = np.asarray(network.class_names(model), object)
    probabilities = np.zeros((len(rows), len(classes)), np.float32)
    embedding = np.zeros((len(rows), sight.output_shape[-1]), np.float32)
    for start in range(0, len(rows), at_once):
        places = order[start : start + at_once]
        features = gather_features(store, frozen, rows.iloc[places], stage).features
        probabilities[places] = inference.predict_features(head, features)
        embedding[places] = inference.predict_features(sight, features)
        advance(stage, start + len(places), len(rows))
    sound = np.isfinite(probabilities).all(axis=1)
    probabilities[~sound] = np.nan
    predicted = np.full(len(rows), None, object)
    predicted[sound] = classes[decide_classes(probabilities[sound], network.decision_weights(model))]
    return Answers(probabilities, predicted, embedding)


def _find_axes(embedding: npt.NDArray[np.float32]) -> Axes | None:
    """Axes of the reference; None, with a warning, where there are none: the comparison then says so."""
    try:
        return fit_axes(embedding)
    except InvalidInput as error:
        _log.warning("the reference has no embedding to compare with: %s", error)
        return None


def _spread(values: npt.NDArray[np.float32], places: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Values [k, d] as the rows of [n, d] where `places` [n] is true, and NaN in the others."""
    found = np.full((len(places), values.shape[1]), np.nan, np.float32)
    found[places] = values
    return found
