"""Metrics: scikit-learn's figures, with honest intervals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from tests.xray_model.evaluation.evaluations import CLASSES, evaluate
from xray_model.errors import InvalidInput
from xray_model.evaluation.confusion import bootstrap_confusions, class_figures, patient_confusions
from xray_model.evaluation.decision import decide_classes


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


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), images=st.integers(12, 120), decimals=st.integers(1, 6))
def test_figures_equal_scikit_learn(seed: int, images: int, decimals: int) -> None:
    """Every figure is scikit-learn's on any table, with tied probabilities as well."""
    table = make_table(seed, images)
    columns = [f"p_{name}" for name in CLASSES]
    table[columns] = table[columns].round(decimals).astype(np.float32)
    table.loc[:2, "label"] = CLASSES
    true, called = table["label"], table["predicted"]
    precision, recall, f1, support = precision_recall_fscore_support(true, called, labels=CLASSES, zero_division=0)
    outcome = evaluate(table, draws=100)
    for place, score in enumerate(outcome.classes):
        assert score.images == support[place]
        assert score.patients == table.loc[true == score.label, "patient_id"].nunique()
        assert score.roc_auc is not None
        assert score.average_precision is not None
        own, probability = true == score.label, table[f"p_{score.label}"]
        found = (score.precision, score.recall, score.f1, score.roc_auc, score.average_precision)
        ranking = roc_auc_score(own, probability), average_precision_score(own, probability)
        expected = (precision[place], recall[place], f1[place], *ranking)
        assert [figure.value for figure in found] == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(outcome.confusion, confusion_matrix(true, called, labels=CLASSES))
    means = [outcome.macro_f1, outcome.weighted_f1, outcome.balanced_accuracy]
    assert [mean.value for mean in means if mean] == pytest.approx(
        [
            f1_score(true, called, labels=CLASSES, average="macro", zero_division=0),
            f1_score(true, called, labels=CLASSES, average="weighted", zero_division=0),
            balanced_accuracy_score(true, called),
        ],
        abs=1e-6,
    )


def test_order_of_the_rows_does_not_matter() -> None:
    """The same images in another order have the same figures and intervals, to the last digit."""
    table = make_table(3).assign(source=["bimcv", "kaggle"] * 100)
    assert evaluate(table.sample(frac=1, random_state=0)) == evaluate(table)


def test_one_patient_has_no_spread() -> None:
    """All images of one patient: every draw is the table again, so that every interval is its value."""
    outcome = evaluate(make_table(3, 30, 1))
    assert outcome.patients == 1
    figures = [outcome.macro_f1, outcome.weighted_f1, outcome.balanced_accuracy, outcome.minority_f1]
    assert all(figure is not None and figure.low == figure.value == figure.high for figure in figures)


def test_absent_class_has_no_ranking() -> None:
    """Of a class without images figures are 0 and nothing is said of its ranking; balanced accuracy leaves it out."""
    table = make_table(3)
    outcome = evaluate(table[table["label"] != "normal"])
    score = outcome.score("normal")
    assert (score.images, score.patients, score.roc_auc, score.average_precision) == (0, 0, None, None)
    assert (score.recall.value, score.recall.low, score.recall.high) == (0, 0, 0)
    assert outcome.balanced_accuracy is not None
    others = [outcome.score(name).recall.value for name in ("covid", "pneumonia")]
    assert outcome.balanced_accuracy.value == pytest.approx(np.mean(others), abs=1e-6)


def test_constant_scores() -> None:
    """A model that says the same of every image ranks at one half, in every draw."""
    table = make_table(3).assign(p_covid=0.2, p_normal=0.5, p_pneumonia=0.3, predicted="normal")
    auc = evaluate(table).score("normal").roc_auc
    assert auc is not None
    assert (auc.low, auc.value, auc.high) == (0.5, 0.5, 0.5)


def test_draws_without_a_class_are_left_out() -> None:
    """With a single patient of a class, its interval comes from the draws that hold the patient."""
    table = make_table(3)
    table = table[table["label"] != "normal"]
    alone = table.iloc[:1].assign(patient_id="alone", label="normal", predicted="normal", p_normal=1.0)
    score = evaluate(pd.concat([table, alone], ignore_index=True)).score("normal")
    assert (score.recall.low, score.recall.high) == (1, 1)
    assert score.roc_auc is not None
    assert (score.roc_auc.low, score.roc_auc.high) == (1, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.5])
def test_broken_probabilities_are_refused(value: float) -> None:
    """What is no probability is an error that counts the images, not a figure."""
    table = make_table(1)
    table.loc[[4, 7], "p_normal"] = value
    with pytest.raises(InvalidInput, match="2 of 200 predictions are no probabilities"):
        evaluate(table)


def test_missing_probabilities_are_refused() -> None:
    """A table without a class's probabilities is an error that names the column."""
    with pytest.raises(InvalidInput, match="no p_normal"):
        evaluate(make_table(1).drop(columns="p_normal"))


def test_patients_are_drawn_not_images() -> None:
    """Ten copies of each patient's image widen nothing and narrow nothing."""
    table = make_table(5, 100, 100)
    table["patient_id"] = [f"patient {number}" for number in range(100)]
    copies = pd.concat([table] * 10, ignore_index=True)
    assert evaluate(copies).minority_f1 == evaluate(table).minority_f1


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
        evaluate(table)


def test_empty_split_is_refused() -> None:
    """Nothing is said of a model on no image."""
    with pytest.raises(InvalidInput, match="no test images"):
        evaluate(make_table(1).iloc[:0])
