"""Bootstrap over patients: what is drawn, what pairs, and how often an interval holds the truth."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from tests.xray_model.evaluation.evaluations import CLASSES, evaluate
from xray_model.evaluation.bootstrap import draw_patients, interval, interval_or_zero, resample, sum_cells
from xray_model.evaluation.confusion import bootstrap_confusions, patient_confusions
from xray_model.outcomes import EvaluationOutcome, Interval

TABLES = 300
TOLERANCE = 3 * np.sqrt(0.95 * 0.05 / TABLES)
"""Three standard errors of how often an interval that holds the truth 95 times in 100 does so in that many tables."""
NOMINAL = {"ROC AUC": 0.92}
"""All others .95. Percentiles of ROC AUC are a little narrow: .91 and .92 in 1000 and 500 other tables."""


def simulate(seed: int, patients: int) -> pd.DataFrame:
    """One to five images of each patient, of one class, about as hard to tell as the patient's others."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), rng.integers(1, 6, patients))
    labels = rng.choice(3, patients, p=[0.5, 0.2, 0.3])[patient]
    ease = rng.normal(size=(patients, 3))[patient] + 0.5 * rng.normal(size=(len(patient), 3))
    scores = ease + 1.7 * np.eye(3)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "patient_id": patient.astype(str),
            "label": np.array(CLASSES)[labels],
            "predicted": np.array(CLASSES)[probabilities.argmax(axis=1)],
            **{f"p_{name}": probabilities[:, place] for place, name in enumerate(CLASSES)},
        }
    )


def figures_of(outcome: EvaluationOutcome) -> dict[str, Interval]:
    """Those whose coverage is looked at."""
    score = outcome.score("normal")
    figures = {
        "minority F1": score.f1,
        "precision": score.precision,
        "recall": score.recall,
        "ROC AUC": score.roc_auc,
        "average precision": score.average_precision,
        "macro F1": outcome.macro_f1,
        "weighted F1": outcome.weighted_f1,
        "balanced accuracy": outcome.balanced_accuracy,
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def test_intervals_hold_the_truth_at_their_nominal_rate() -> None:
    """In simulation each interval over patients holds the truth as often as it says; one over images does not."""
    large = [figures_of(evaluate(simulate(seed, 30_000), draws=1)) for seed in (1001, 1002, 1003)]
    truth = {name: float(np.mean([found[name].value for found in large])) for name in large[0]}
    held = {name: np.zeros(TABLES, bool) for name in truth}
    held_by_images = []
    for number in range(TABLES):
        table = simulate(number + 1, 200)
        for name, found in figures_of(evaluate(table)).items():
            held[name][number] = found.low <= truth[name] <= found.high
        if number % 3 == 0:
            alone = evaluate(table.assign(patient_id=np.arange(len(table)).astype(str)), draws=200).minority_f1
            held_by_images.append(alone.low <= truth["minority F1"] <= alone.high)
    rates = {name: which.mean() for name, which in held.items()}
    assert rates == pytest.approx({name: NOMINAL.get(name, 0.95) for name in rates}, abs=TOLERANCE)
    assert np.mean(held_by_images) < 0.95 - 2 * TOLERANCE


def test_draws_take_as_many_patients_as_there_are() -> None:
    """Each draw holds as many patients as the table, each patient about once a draw."""
    drawn = np.concatenate(list(draw_patients(50, 1000, seed=4)))
    assert drawn.shape == (1000, 50)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(50), abs=0.15)
    assert drawn.var() == pytest.approx(1 - 1 / 50, abs=0.03)


def test_weights_count_as_the_rows_drawn() -> None:
    """The confusion matrix of a draw is scikit-learn's of the rows that were really drawn."""
    table = simulate(3, 40)
    confusions = bootstrap_confusions(patient_confusions(table, CLASSES), 70, seed=9)
    names, patients = np.unique(table["patient_id"].to_numpy(dtype=str), return_inverse=True)
    drawn = np.concatenate(list(draw_patients(len(names), 70, seed=9)))
    for found, times in zip(confusions, drawn.astype(int), strict=True):
        rows = table.loc[np.repeat(table.index, times[patients])]
        assert np.array_equal(found, confusion_matrix(rows["label"], rows["predicted"], labels=CLASSES))


def test_two_models_are_paired() -> None:
    """The same seed draws the same patients for two models, however the rows of their tables are ordered."""
    table = simulate(3, 40)
    other = table.sample(frac=1, random_state=0).assign(predicted=CLASSES[0])
    ours, theirs = (bootstrap_confusions(patient_confusions(one, CLASSES), 50, seed=2) for one in (table, other))
    assert np.array_equal(ours.sum(axis=2), theirs.sum(axis=2))
    assert not np.array_equal(ours, theirs)


def test_table_itself_comes_first() -> None:
    """A resampled figure begins with that of the table as it is."""
    (sums,) = resample([sum_cells(np.array([0, 0, 1]), np.array([0, 1, 1]), (2, 2))], 2, 40, seed=0)
    assert sums.shape == (41, 2)
    assert sums[0].tolist() == [1, 2]
    assert set(map(tuple, sums[1:].tolist())) == {(2, 2), (1, 2), (0, 2)}


def test_undefined_draws_are_left_out() -> None:
    """Draws in which a figure is undefined say nothing; one that is undefined in the table has no interval."""
    assert interval(np.array([0.5, np.nan, 0.4, np.nan, 0.6])) == Interval(value=0.5, low=0.405, high=0.595)
    assert interval(np.array([np.nan, 0.4])) is None
    assert interval(np.array([0.5, np.nan])) == Interval(value=0.5, low=0.5, high=0.5)
    assert interval_or_zero(np.array([np.nan, np.nan])) == Interval(value=0, low=0, high=0)
