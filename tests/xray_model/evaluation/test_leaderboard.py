"""The order of variants: pooled over the folds, paired by patient, and honest about what chance explains."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from tests.xray_model.evaluation.evaluations import CLASSES, probed_table
from tests.xray_model.evaluation.variants import FOLDS, answered, trained
from xray_model.errors import InvalidInput
from xray_model.evaluation.leaderboard import rank_variants
from xray_model.outcomes import Standing


def rank(tables: dict[str, list[pd.DataFrame]], draws: int = 400) -> tuple[Standing, ...]:
    """The standings of these tables, with one training of each fold."""
    cells = [trained(name, fold, seconds=60.0 + fold) for name in tables for fold in range(FOLDS)]
    titles = {name: name.title() for name in tables}
    return rank_variants(tables, cells, titles, CLASSES, "covid", draws=draws)


def test_figures_are_those_of_scikit_learn_on_all_folds_together() -> None:
    """One seed's figures are scikit-learn's on the images of all folds, and a fold's F1 is that of its own images."""
    table = answered(0.7, 1)
    (standing,) = rank({"vgg16": [table]})
    true, called = table["label"], table["predicted"]
    recalls = recall_score(true, called, labels=CLASSES, average=None)
    assert standing.minority_f1.value == pytest.approx(
        f1_score(true, called, labels=["covid"], average="macro"), abs=1e-6
    )
    assert standing.macro_f1.value == pytest.approx(f1_score(true, called, average="macro"), abs=1e-6)
    assert standing.accuracy.value == pytest.approx(accuracy_score(true, called), abs=1e-6)
    assert [standing.recalls[name].value for name in CLASSES] == pytest.approx(list(recalls), abs=1e-6)
    assert np.sum(standing.confusion) == len(table)
    own = [
        f1_score(each["label"], each["predicted"], labels=["covid"], average="macro")
        for _, each in table.groupby("fold")
    ]
    assert standing.fold_f1 == pytest.approx(own, abs=1e-6)


def test_seeds_are_averaged() -> None:
    """The figures of two seeds are the means of each one's, and the folds' stand by fold, then by seed."""
    tables = [answered(0.6, 1), answered(0.8, 2)]
    (both,) = rank({"vgg16": tables})
    alone = [rank({"vgg16": [table]})[0] for table in tables]
    assert both.minority_f1.value == pytest.approx(np.mean([each.minority_f1.value for each in alone]), abs=2e-6)
    assert np.allclose(both.confusion, np.mean([each.confusion for each in alone], axis=0))
    assert both.fold_f1 == tuple(np.ravel(np.transpose([each.fold_f1 for each in alone])))


def test_order_and_distance() -> None:
    """The best stands first and has no distance; a variant far behind is shown to be, one as good is not."""
    tables = {"poor": [answered(0.3, 1)], "good": [answered(0.85, 2)], "other": [answered(0.84, 3)]}
    first, second, third = rank(tables)
    assert {first.variant, second.variant} == {"good", "other"}
    assert third.variant == "poor"
    assert first.over_best is None
    assert second.over_best is not None
    assert third.over_best is not None
    assert second.over_best.low < 0 < second.over_best.high
    assert third.over_best.high < 0
    assert third.over_best.value == pytest.approx(third.minority_f1.value - first.minority_f1.value, abs=2e-6)


def test_a_difference_is_paired_by_patient() -> None:
    """Two variants that differ on few images are told apart though their own intervals overlap nearly wholly."""
    better = answered(0.8, 1)
    missed = better.index[(better["label"] == "covid") & (better["predicted"] == "covid")][:8]
    worse = better.assign(predicted=better["predicted"].mask(better.index.isin(missed), "normal"))
    first, second = rank({"worse": [worse], "better": [better]})
    assert first.variant == "better"
    assert second.over_best is not None
    assert second.over_best.high < 0
    assert second.minority_f1.high > first.minority_f1.low


def test_equal_variants_are_seldom_told_apart() -> None:
    """Of twenty studies of six equally good variants with luck in each training, one at most calls any behind."""
    rng = np.random.default_rng(3)

    def lucky() -> pd.DataFrame:
        table = answered(1.0, 0)
        skills = np.clip(0.75 + rng.normal(0, 0.05, FOLDS), 0, 1)[table["fold"]]
        called = np.where(rng.random(len(table)) < skills, table["label"], rng.choice(CLASSES, len(table)))
        return table.assign(predicted=called)

    studies = [rank({f"variant-{number}": [lucky()] for number in range(6)}, draws=100) for _ in range(20)]
    assert sum(any(one.over_best and one.over_best.high < 0 for one in study) for study in studies) <= 1


def test_intervals_hold_the_truth_of_patients_unseen() -> None:
    """Of forty studies of 400 images, the interval holds the F1 of very many images in 33 at least."""
    truth = f1_score(
        *(answered(0.7, 0, 60_000)[name] for name in ("label", "predicted")), labels=["covid"], average="macro"
    )
    held = 0
    for seed in range(40):
        table = probed_table(seed, 400)[["image_id", "patient_id", "label"]].assign(fold=0)
        rng = np.random.default_rng(1000 + seed)
        called = np.where(rng.random(400) < 0.7, table["label"], rng.choice(CLASSES, 400))
        (standing,) = rank({"vgg16": [table.assign(predicted=called)]}, draws=200)
        held += standing.minority_f1.low <= truth <= standing.minority_f1.high
    assert held >= 33


def test_an_image_without_an_answer_is_missed() -> None:
    """What a training that diverged does not answer counts in no column, and against it in recall and accuracy."""
    table = answered(1.0, 1)
    silent = table.assign(predicted=table["predicted"].mask(table["label"] == "covid", None))
    (standing,) = rank({"vgg16": [silent]})
    assert standing.recalls["covid"].value == 0
    assert standing.minority_f1.value == 0
    assert standing.accuracy.value == pytest.approx((table["label"] != "covid").mean(), abs=1e-6)
    assert standing.confusion[0] == (0, 0, 0)


def test_cost_is_the_mean_of_the_trainings() -> None:
    """Seconds and images per second are means over the folds."""
    (standing,) = rank({"vgg16": [answered(0.7, 1)]})
    assert (standing.seconds, standing.images_per_second) == (61.0, 41.0)
    assert (standing.parameters, standing.trained_parameters) == (1000, 100)


@pytest.mark.parametrize("column", ["image_id", "patient_id", "label", "fold"])
def test_variants_of_other_images_are_refused(column: str) -> None:
    """Tables that differ in their images, patients, labels or folds are not compared."""
    table = answered(0.7, 1)
    changed = table.assign(**{column: table[column].to_numpy()[::-1]})
    if column == "image_id":
        changed = table.assign(image_id=table["image_id"] + "0")
    with pytest.raises(InvalidInput, match="not tested on the same images"):
        rank({"vgg16": [table], "resnet": [changed]})


def test_nothing_to_rank_is_refused() -> None:
    """A comparison without a table says so."""
    with pytest.raises(InvalidInput, match="no prediction table"):
        rank({"vgg16": []})
