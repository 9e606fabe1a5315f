"""Metrics: scikit-learn's figures, with honest intervals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from xray_model.errors import InvalidInput
from xray_model.evaluation.decision import decide_classes
from xray_model.evaluation.metrics import (
    bootstrap_confusions,
    class_figures,
    evaluate_table,
    patient_confusions,
)
from xray_model.outcomes import EvaluationOutcome

CLASSES = ("covid", "normal", "pneumonia")


def make_table(seed: int, images: int = 200, patients: int = 60, skill: float = 1.5) -> pd.DataFrame:
    """A prediction table of a model that is right more often than not."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images)
    scores = rng.normal(size=(images, 3)) + skill * np.eye(3)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "image_id": [f"image {number}" for number in range(images)],
            "patient_id": [f"patient {number}" for number in rng.integers(0, patients, images)],
            "label": [CLASSES[label] for label in labels],
            **{f"p_{name}": probabilities[:, place] for place, name in enumerate(CLASSES)},
            "predicted": [CLASSES[place] for place in decide_classes(probabilities, (1.0, 1.0, 1.0))],
        }
    )


def evaluated(table: pd.DataFrame, draws: int = 500) -> EvaluationOutcome:
    """All figures of a table."""
    return evaluate_table(
        table,
        CLASSES,
        model="m",
        snapshot_id="s",
        split="test",
        minority="normal",
        predictions_key="k",
        draws=draws,
        seed=1,
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), images=st.integers(5, 120))
def test_figures_equal_scikit_learn(seed: int, images: int) -> None:
    """Precision, recall, F1 and the confusion matrix are scikit-learn's on any table."""
    table = make_table(seed, images)
    expected = precision_recall_fscore_support(table["label"], table["predicted"], labels=CLASSES, zero_division=0)
    outcome = evaluated(table, draws=100)
    for place, score in enumerate(outcome.classes):
        found = (score.precision.value, score.recall.value, score.f1.value)
        assert found == pytest.approx([expected[figure][place] for figure in range(3)], abs=1e-6)
    assert np.array_equal(outcome.confusion, confusion_matrix(table["label"], table["predicted"], labels=CLASSES))
    assert outcome.macro_f1.value == pytest.approx(np.mean(expected[2]), abs=1e-6)


def test_interval_covers_the_true_value() -> None:
    """In simulation the 95 % interval of F1 holds the true F1 about 95 times in 100."""
    truth = evaluated(make_table(0, 100_000, 90_000), draws=2).minority_f1.value
    held = [
        outcome.minority_f1.low <= truth <= outcome.minority_f1.high
        for outcome in (evaluated(make_table(seed, 300, 250), draws=400) for seed in range(1, 201))
    ]
    assert 0.90 <= np.mean(held) <= 0.99


def test_patients_are_drawn_not_images() -> None:
    """Ten copies of each patient's image widen nothing and narrow nothing."""
    table = make_table(5, 100, 100)
    table["patient_id"] = [f"patient {number}" for number in range(100)]
    copies = pd.concat([table] * 10, ignore_index=True)
    assert evaluated(copies).minority_f1 == evaluated(table).minority_f1


def test_bootstrap_keeps_the_number_of_patients() -> None:
    """Each draw holds as many patients as there are."""
    counts = patient_confusions(make_table(2), CLASSES)
    drawn = bootstrap_confusions(np.ones((50, 1, 1)), 30, seed=4)
    assert (drawn == 50).all()
    assert counts.sum() == 200


def test_undefined_figures_are_zero() -> None:
    """A class that neither occurs nor is claimed has figures of 0, not NaN."""
    precision, recall, f1 = class_figures(np.array([[3.0, 0.0], [0.0, 0.0]]))
    assert (precision[1], recall[1], f1[1]) == (0, 0, 0)


@pytest.mark.parametrize("column", ["label", "predicted"])
def test_unknown_class_is_refused(column: str) -> None:
    """A label or a decision that the model does not know is an error that names it."""
    table = make_table(1)
    table.loc[3, column] = "fracture"
    with pytest.raises(InvalidInput, match=f"fracture.*{column}"):
        evaluated(table)


def test_empty_split_is_refused() -> None:
    """Nothing is said of a model on no image."""
    with pytest.raises(InvalidInput, match="no test images"):
        evaluated(make_table(1).iloc[:0])
