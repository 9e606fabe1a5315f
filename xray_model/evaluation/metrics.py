"""Figures of one model from its prediction table, with intervals by bootstrap over patients.

A patient's images stand or fall together, so patients are drawn, not images. Every figure is a function of the
confusion matrix, so one draw is one weighted sum of the patients' own confusion matrices.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.errors import InvalidInput
from xray_model.outcomes import ClassScore, EvaluationOutcome, Interval

Floats = npt.NDArray[np.float64]
_TAILS = (2.5, 97.5)


def patient_confusions(table: pd.DataFrame, classes: Sequence[str]) -> Floats:
    """float64 [patients, classes, classes]: images by true (rows) and predicted class, for each patient.

    Patients are in the order of their pseudonyms, so that two tables of the same images can be paired.

    Args:
        table: `patient_id`, `label`, and `predicted`, the class that `decision.decide_classes` chose.
        classes: what the model tells apart.

    Raises:
        InvalidInput: a label, or a class decided on, is none of `classes`.
    """
    patients, index = np.unique(table["patient_id"].to_numpy(dtype=str), return_inverse=True)
    counts = np.zeros((len(patients), len(classes), len(classes)))
    np.add.at(counts, (index, _positions(table, "label", classes), _positions(table, "predicted", classes)), 1)
    return counts


def bootstrap_confusions(counts: Floats, draws: int, seed: int) -> Floats:
    """float64 [draws, classes, classes]: confusion matrices of `draws` samples of patients with replacement."""
    patients, classes, _ = counts.shape
    drawn = np.random.default_rng(seed).multinomial(patients, np.full(patients, 1 / patients), size=draws)
    return (drawn @ counts.reshape(patients, -1)).reshape(draws, classes, classes)


def class_figures(confusion: Floats) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 [..., classes] of confusion matrices [..., classes, classes]; 0 where undefined."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    actual, claimed = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return _ratio(hits, claimed), _ratio(hits, actual), _ratio(2 * hits, actual + claimed)


def evaluate_table(
    table: pd.DataFrame,
    classes: Sequence[str],
    *,
    model: str,
    snapshot_id: str,
    split: str,
    minority: str,
    predictions_key: str,
    draws: int,
    seed: int,
) -> EvaluationOutcome:
    """All figures of one prediction table (`image_id`, `patient_id`, `label`, `predicted`).

    Raises:
        InvalidInput: the table is empty, or does not fit `classes`.
    """
    if table.empty:
        raise InvalidInput(f"there are no {split} images in snapshot {snapshot_id}: nothing can be said of the model")
    counts = patient_confusions(table, classes)
    total = counts.sum(axis=0)
    drawn = bootstrap_confusions(counts, draws, seed)
    values, samples = class_figures(total), class_figures(drawn)
    scores = tuple(
        ClassScore(
            label=name,
            precision=_interval(values[0][place], samples[0][:, place]),
            recall=_interval(values[1][place], samples[1][:, place]),
            f1=_interval(values[2][place], samples[2][:, place]),
            images=int(total[place].sum()),
            patients=int((counts[:, place].sum(axis=1) > 0).sum()),
        )
        for place, name in enumerate(classes)
    )
    return EvaluationOutcome(
        model=model,
        snapshot_id=snapshot_id,
        split=split,
        classes=scores,
        confusion=tuple(tuple(int(cell) for cell in row) for row in total),
        macro_f1=_interval(values[2].mean(), samples[2].mean(axis=1)),
        minority=minority,
        images=len(table),
        patients=len(counts),
        predictions_key=predictions_key,
    )


def _positions(table: pd.DataFrame, column: str, classes: Sequence[str]) -> npt.NDArray[np.intp]:
    position = {name: place for place, name in enumerate(classes)}
    unknown = sorted(set(table[column]) - set(position))
    if unknown:
        raise InvalidInput(
            f"the prediction table holds {unknown} under {column}, the model tells apart {list(classes)}"
        )
    return table[column].map(position).to_numpy().astype(np.intp)


def _interval(value: np.floating, samples: Floats) -> Interval:
    low, high = np.percentile(samples, _TAILS)
    return Interval(value=round(float(value), 6), low=round(float(low), 6), high=round(float(high), 6))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole, dtype=np.float64), where=whole > 0)
