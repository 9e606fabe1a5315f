"""What metadata and the look of a source tell alone."""

import numpy as np
import pandas as pd
import pytest

from xray_model.evaluation import baselines
from xray_model.evaluation.baselines import predict_from_metadata, probe_linearly, tell_source

CLASSES = np.array(["covid", "normal"])


def rows(seed: int, images: int, confounded: float) -> pd.DataFrame:
    """Images of two classes and two sources; a source names the class in this share of the images."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, images)
    source = np.where(rng.random(images) < confounded, label, rng.integers(0, 2, images))
    return pd.DataFrame(
        {
            "label": CLASSES[label],
            "source": np.array(["one", "other"])[source],
            "patient_id": [f"p{place // 2}" for place in range(images)],
            "view": "PA",
            "sex": rng.choice(np.array(["F", "M", None], object), images),
            "age": rng.choice([20.0, 50.0, np.nan], images),
            "manufacturer": None,
        }
    )


def features_of(table: pd.DataFrame, seed: int, of_class: float, of_source: float) -> np.ndarray:
    """float16 [n, 8]: noise, with the class in the first feature and the source in the second."""
    noise = np.random.default_rng(seed).normal(size=(len(table), 8))
    noise[:, 0] += of_class * (table["label"] == "covid")
    noise[:, 1] += of_source * (table["source"] == "one")
    return noise.astype(np.float16)


@pytest.mark.parametrize(("confounded", "least", "most"), [(0.0, 0.3, 0.7), (1.0, 1.0, 1.0)])
def test_metadata_tell_the_class_only_where_they_go_with_it(confounded: float, least: float, most: float) -> None:
    """Where each class has a source of its own they tell it surely, else no better than chance."""
    told = predict_from_metadata(rows(1, 400, confounded), rows(2, 200, confounded))
    assert least <= (told == rows(2, 200, confounded)["label"]).mean() <= most


def test_metadata_that_training_never_saw_are_borne() -> None:
    """An unknown view and a column that is missing altogether stop nothing."""
    test = rows(2, 50, 0.0).assign(view="AP").drop(columns="sex")
    assert set(predict_from_metadata(rows(1, 100, 0.0), test)) <= set(CLASSES)


@pytest.mark.parametrize(("difference", "least", "most"), [(0.0, 0.3, 0.7), (8.0, 0.95, 1.0)])
def test_source_is_told_where_the_embedding_shows_it(difference: float, least: float, most: float) -> None:
    """Out of fold, by patient: surely where sources lie apart, by chance where they do not."""
    table = rows(3, 300, 0.0)
    told = tell_source(features_of(table, 4, 0.0, difference), table, seed=0)
    assert least <= (told == table["source"]).mean() <= most


def test_a_patient_is_never_told_by_his_own_images() -> None:
    """Where every patient looks like nobody else and sources do not differ, knowing patients by heart tells nothing."""
    patients = np.repeat(np.arange(60), 6)
    sources = np.array(["one", "other"])[np.random.default_rng(0).integers(0, 2, 60)][patients]
    embedding = np.random.default_rng(1).normal(size=(60, 40))[patients] * 5
    told = tell_source(embedding, pd.DataFrame({"source": sources, "patient_id": patients}), seed=0)
    assert (told == sources).mean() < 0.75


def test_one_source_or_few_patients_are_not_told() -> None:
    """There is nothing to tell of a single source, and a source of few patients is left out."""
    table = rows(3, 40, 0.0)
    embedding = features_of(table, 4, 0.0, 0.0)
    assert set(tell_source(embedding, table.assign(source="one"), seed=0)) == {None}
    few = ["one"] * 18 + ["other"] * 18 + ["third"] * 4
    told = tell_source(embedding, table.assign(source=few), seed=0)
    assert set(told[:36]) <= {"one", "other"}
    assert set(told[36:]) == {None}


def test_a_probe_that_never_saw_a_source_fails_where_it_learned_the_source() -> None:
    """Learned from the class itself it holds elsewhere; learned from what a source looks like, it does not."""
    train, test = rows(5, 600, 0.9), rows(6, 300, 0.9)
    own, other = (features_of(table, seed, 6.0, 0.0) for table, seed in ((train, 7), (test, 8)))
    together, elsewhere = probe_linearly(own, train, other, test, seed=0)
    assert (together == test["label"]).mean() > 0.95
    assert (elsewhere == test["label"]).mean() > 0.9
    own, other = (features_of(table, seed, 0.0, 6.0) for table, seed in ((train, 7), (test, 8)))
    together, elsewhere = probe_linearly(own, train, other, test, seed=0)
    assert (together == test["label"]).mean() > 0.85
    assert (elsewhere == test["label"]).mean() < 0.7


def test_sources_that_alone_hold_a_class_cannot_be_left_out() -> None:
    """Without them there is nothing to learn the class from: nothing is said of their images."""
    train = rows(5, 100, 1.0)
    features = features_of(train, 7, 1.0, 1.0)
    _, elsewhere = probe_linearly(features, train, features, train, seed=0)
    assert set(elsewhere) == {None}


def test_a_probe_learns_from_a_bounded_number_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more rows than that, as many are drawn, the same each time."""
    monkeypatch.setattr(baselines, "MOST_ROWS", 50)
    train = rows(5, 400, 0.0)
    features = features_of(train, 7, 2.0, 0.0)
    first, again = (probe_linearly(features, train, features, train, seed=1)[0] for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, probe_linearly(features, train, features, train, seed=2)[0])
