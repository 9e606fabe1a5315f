"""Every figure of one model from its prediction table, with intervals by bootstrap over patients."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.errors import InvalidInput
from xray_model.evaluation.bootstrap import Floats, Places, interval, interval_or_zero, resample, sum_cells
from xray_model.evaluation.calibration import describe_calibration, sum_bins
from xray_model.evaluation.confusion import class_figures, class_positions, number_patients
from xray_model.evaluation.ranking import ranking_figures
from xray_model.evaluation.subgroups import find_subgroups, score_subgroups, sum_confusions
from xray_model.outcomes import ClassScore, EvaluationOutcome

_ENOUGH_IN_SUBGROUP = GatePolicy().subgroup_patients
_ROUNDING = 1e-5
"""How far the float32 probabilities of a softmax may lie outside 0 to 1."""


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
    subgroup_patients: int = _ENOUGH_IN_SUBGROUP,
) -> EvaluationOutcome:
    """All figures of one prediction table, and their intervals from one set of draws of its patients.

    Values are scikit-learn's, 0 where it says 0 for a class that does not occur. A draw in which a figure is undefined
    is left out of its interval: recall of a class that was not drawn, say. Means over classes take such a class as
    scikit-learn does: with an F1 of 0, and not at all in balanced accuracy.

    Args:
        table: `image_id`, `patient_id`, `label`, `p_<class>` and `predicted`; of `sex`, `age`, `view`, `source` and
            `manufacturer` those that there are make subgroups.
        classes: what the model tells apart.
        model: which it is.
        snapshot_id: what it was scored on.
        split: of the snapshot.
        minority: the class that decides.
        predictions_key: where the table is kept.
        draws: bootstrap draws.
        seed: of the draws.
        subgroup_patients: of the minority class, below which a subgroup is too small to say anything.

    Raises:
        InvalidInput: the table is empty, does not fit `classes`, or holds what is no probability.
    """
    if table.empty:
        raise InvalidInput(f"there are no {split} images in snapshot {snapshot_id}: nothing can be said of the model")
    probabilities = class_probabilities(table, classes)
    targets, predicted = class_positions(table, "label", classes), class_positions(table, "predicted", classes)
    count, patients = number_patients(table)
    groups = find_subgroups(table)
    side = len(classes)
    cells, bins, rankings, grouped = resample(
        [
            sum_cells(patients, targets * side + predicted, (count, side * side)),
            sum_bins(probabilities, targets, patients),
            lambda drawn: _rank_classes(probabilities, targets, patients, drawn),
            sum_confusions([group.images for group in groups], targets, predicted, patients, side),
        ],
        count,
        draws,
        seed,
    )
    confusions = cells.reshape(-1, side, side)
    _, recall, f1 = class_figures(confusions)
    images = confusions.sum(axis=2)
    return EvaluationOutcome(
        model=model,
        snapshot_id=snapshot_id,
        split=split,
        classes=_score_classes(confusions, rankings, classes, targets, patients),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusions[0]),
        macro_f1=interval_or_zero(f1.mean(axis=1)),
        weighted_f1=interval(np.average(f1, axis=1, weights=images)),
        balanced_accuracy=interval(np.average(recall, axis=1, weights=images > 0)),
        calibration=describe_calibration(bins),
        subgroups=score_subgroups(groups, grouped, targets, patients, classes, minority, subgroup_patients),
        minority=minority,
        images=len(table),
        patients=count,
        predictions_key=predictions_key,
    )


def class_probabilities(table: pd.DataFrame, classes: Sequence[str]) -> Floats:
    """float64 [n, classes]: the columns `p_<class>` of a prediction table.

    Raises:
        InvalidInput: one is missing, or holds something that is not between 0 and 1.
    """
    columns = [f"p_{name}" for name in classes]
    missing = [column for column in columns if column not in table]
    if missing:
        raise InvalidInput(f"the prediction table has no {', '.join(missing)}: score the model again")
    probabilities = table[columns].to_numpy(dtype=np.float64)
    good = (probabilities >= -_ROUNDING) & (probabilities <= 1 + _ROUNDING)
    if not good.all():
        bad = int((~good).any(axis=1).sum())
        raise InvalidInput(
            f"{bad} of {len(table)} predictions are no probabilities: the model is broken, train it again"
        )
    return probabilities


def _rank_classes(probabilities: Floats, targets: Places, patients: Places, drawn: Floats) -> Floats:
    """float64 [draws, 2, classes]: ROC AUC and average precision of each class against all others."""
    figures = [
        ranking_figures(scores, targets == place, patients, drawn) for place, scores in enumerate(probabilities.T)
    ]
    return np.stack(figures, axis=2)


def _score_classes(
    confusions: Floats, rankings: Floats, classes: Sequence[str], targets: Places, patients: Places
) -> tuple[ClassScore, ...]:
    precision, recall, f1 = class_figures(confusions, undefined=np.nan)
    return tuple(
        ClassScore(
            label=name,
            precision=interval_or_zero(precision[:, place]),
            recall=interval_or_zero(recall[:, place]),
            f1=interval_or_zero(f1[:, place]),
            roc_auc=interval(rankings[:, 0, place]),
            average_precision=interval(rankings[:, 1, place]),
            images=int((targets == place).sum()),
            patients=len(np.unique(patients[targets == place])),
        )
        for place, name in enumerate(classes)
    )
