"""By which images a model tells what is unlike all that it was trained on: its own test images, as it sees them."""

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from storage.objects import Objects
from storage.snapshots import load_snapshot
from storage.store import Store
from storage.strangeness import load_strangeness, save_strangeness
from tasks.drift_frames import ask_model
from xray_model.errors import InvalidInput
from xray_model.evaluation.strangeness import LEAST_KNOWN, fit_strangeness

if TYPE_CHECKING:
    import keras

_log = logging.getLogger(__name__)


def keep_strangeness(
    objects: Objects, run_id: str, embedding: npt.NDArray[np.float32], patients: npt.NDArray[np.str_]
) -> None:
    """Keep by which images the model of a run, once in service, tells what is unlike its training; done once.

    Args:
        objects: the store.
        run_id: MLflow run of the model.
        embedding: [n, d], of images that it did not learn from; of too few nothing is kept, with a warning.
        patients: pseudonyms [n].
    """
    if load_strangeness(objects, run_id) is not None:
        return  # a champion is scored again with every challenger, and to measure all distances takes seconds
    try:
        save_strangeness(objects, run_id, fit_strangeness(embedding, patients))
    except InvalidInput as error:
        _log.warning("this model will call no image unlike its training: %s", error)


def complete_strangeness(store: Store, model: "keras.Model", run_id: str, snapshot_id: str) -> None:
    """Keep it for a model that was judged before there was any, where the snapshot of its training has enough images.

    Raises:
        ObjectNotFound: there is no such snapshot.
    """
    if load_strangeness(store.objects, run_id) is not None:
        return
    rows = load_snapshot(store.objects, snapshot_id, "test")
    if len(rows) >= LEAST_KNOWN:
        found = ask_model(store, model, rows, "see test images")
        keep_strangeness(store.objects, run_id, found.embedding, rows["patient_id"].to_numpy())
