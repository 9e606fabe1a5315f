"""Confusion matrices by patient, and the figures that follow from a confusion matrix."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.errors import InvalidInput
from xray_model.evaluation.bootstrap import Floats, Places, draw_patients


def class_positions(table: pd.DataFrame, column: str, classes: Sequence[str]) -> Places:
    """Int [n]: the place among `classes` of each name in a column of a prediction table.

    Raises:
        InvalidInput: a name is none of `classes`.
    """
    position = {name: place for place, name in enumerate(classes)}
    unknown = sorted(set(table[column]) - set(position))
    if unknown:
        raise InvalidInput(
            f"the prediction table holds {unknown} under {column}, the model tells apart {list(classes)}"
        )
    return table[column].map(position).to_numpy().astype(np.intp)


def number_patients(table: pd.DataFrame) -> tuple[int, Places]:
    """How many patients there are, and the number of each image's [n], in the order of their pseudonyms."""
    names, numbers = np.unique(table["patient_id"].to_numpy(dtype=str), return_inverse=True)
    return len(names), numbers


def patient_confusions(table: pd.DataFrame, classes: Sequence[str]) -> Floats:
    """float64 [patients, classes, classes]: images by true (rows) and predicted class, for each patient.

    Patients are in the order of their pseudonyms, so that two tables of the same images can be paired.

    Args:
        table: `patient_id`, `label`, and `predicted`, the class that `decision.decide_classes` chose.
        classes: what the model tells apart.

    Raises:
        InvalidInput: a label, or a class decided on, is none of `classes`.
    """
    count, patients = number_patients(table)
    counts = np.zeros((count, len(classes), len(classes)))
    labels, predicted = class_positions(table, "label", classes), class_positions(table, "predicted", classes)
    np.add.at(counts, (patients, labels, predicted), 1)
    return counts


def bootstrap_confusions(counts: Floats, draws: int, seed: int) -> Floats:
    """float64 [draws, classes, classes]: confusion matrices of `draws` samples of patients with replacement."""
    patients, classes, _ = counts.shape
    by_patient = counts.reshape(patients, -1)
    drawn = [chunk @ by_patient for chunk in draw_patients(patients, draws, seed)]
    return np.concatenate(drawn).reshape(draws, classes, classes)


def class_figures(confusion: Floats, undefined: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 [..., classes] of confusion matrices [..., classes, classes].

    Args:
        confusion: images by true (rows) and predicted class.
        undefined: what to say for precision of a class that is never called, recall of one that is not there, and F1
            of one that is neither.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    actual, called = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return (
        _ratio(hits, called, undefined),
        _ratio(hits, actual, undefined),
        _ratio(2 * hits, actual + called, undefined),
    )


def _ratio(part: Floats, whole: Floats, undefined: float) -> Floats:
    out: npt.NDArray[np.float64] = np.full(whole.shape, undefined)
    return np.divide(part, whole, out=out, where=whole > 0)
