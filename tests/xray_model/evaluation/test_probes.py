"""Shortcut probes: what goes by the lungs passes, what goes by anything else is caught and said."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.config import ShortcutBounds
from xray_model.evaluation.probes import guessing_f1, minority_f1, run_probes
from xray_model.outcomes import ProbeName, ProbeResult

BOUNDS = ShortcutBounds(left_out_source=0.4)
ENOUGH = 20
OTHER = {"normal": "covid", "covid": "normal"}


def predict(labels: pd.Series, right: float) -> np.ndarray:
    """Classes of which this share is right, evenly over each class."""
    place = labels.groupby(labels).cumcount()
    good = np.floor((place + 1) * right) > np.floor(place * right)
    return np.where(good, labels, labels.map(OTHER))


def make_table() -> pd.DataFrame:
    """200 normal and 200 covid images of two sources with both classes, told by a model that sees the lungs."""
    labels = pd.Series(["normal", "covid"] * 200)
    return pd.DataFrame(
        {
            "patient_id": [f"p{place}" for place in range(400)],
            "label": labels,
            "source": ["east"] * 200 + ["west"] * 200,
            "predicted": predict(labels, 0.95),
            "predicted_hidden": predict(labels, 0.6),
            "predicted_alone": predict(labels, 0.9),
            "predicted_metadata": predict(labels, 0.5),
            "source_from_embedding": ["east", "west"] * 200,
            "predicted_linear": predict(labels, 0.9),
            "predicted_elsewhere": predict(labels, 0.8),
        }
    )


def make_training() -> pd.DataFrame:
    """Training images whose class says nothing of their source or of the age of the patient."""
    return pd.DataFrame(
        {
            "label": ["normal", "covid"] * 200,
            "source": ["east"] * 200 + ["west"] * 200,
            "age": [float(20 + place // 2 % 60) for place in range(400)],
        }
    )


def probe(name: ProbeName, table: pd.DataFrame, training: pd.DataFrame | None = None) -> ProbeResult:
    """One of the probes."""
    results = run_probes(table, make_training() if training is None else training, "normal", BOUNDS, ENOUGH)
    return next(result for result in results if result.name == name)


def test_model_that_sees_the_lungs_passes() -> None:
    """Nothing is found where there is nothing; every probe has a value, a bound and a sentence."""
    results = run_probes(make_table(), make_training(), "normal", BOUNDS, ENOUGH)
    assert [result.name for result in results] == list(get_args(ProbeName))
    assert all(result.passed and result.value is not None and result.sentence for result in results)
    assert [result.bound for result in results] == list(BOUNDS.model_dump().values())


CAUGHT: dict[ProbeName, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "lungs-hidden": (
        lambda table: table.assign(predicted_hidden=predict(table["label"], 0.92)),
        "With the lungs hidden this model would still score .92 of its .95",
    ),
    "lungs-alone": (
        lambda table: table.assign(predicted_alone=predict(table["label"], 0.4)),
        "From the lungs alone this model scores .40, from all but the lungs .60",
    ),
    "metadata-alone": (
        lambda table: table.assign(predicted_metadata=predict(table["label"], 0.93)),
        "tell normal with an F1 of .93 without looking at an image; this model, with .95",
    ),
    "within-source": (
        lambda table: table.assign(
            predicted=np.where(table["source"] == "west", predict(table["label"], 0.3), table["label"])
        ),
        "Within west alone (100 test patients with normal) F1 of normal is .30, over all sources .65",
    ),
    "left-out-source": (
        lambda table: table.assign(predicted_elsewhere=predict(table["label"], 0.45)),
        "scores .90, one that has not seen the image's source .45",
    ),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_planted_shortcut_is_caught(name: ProbeName) -> None:
    """Each probe fails on what it is for, and on nothing else, and says it with its figures."""
    plant, said = CAUGHT[name]
    results = run_probes(plant(make_table()), make_training(), "normal", BOUNDS, ENOUGH)
    assert [result.name for result in results if not result.passed] == [name]
    assert said in next(result.sentence for result in results if result.name == name)


def confounded() -> pd.DataFrame:
    """Training images of which all normal ones come from the east."""
    return make_training().assign(source=lambda rows: rows["label"].map({"normal": "east", "covid": "west"}))


def test_source_that_gives_the_class_away_is_caught() -> None:
    """Classes that come from a source each are a concern."""
    result = probe("class-by-source", make_table(), confounded())
    assert not result.passed
    assert result.value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("told", "together", "passed"),
    [(1.0, 0.9, False), (0.95, 0.8, False), (0.95, 0.6, True), (1.0, 0.5, True), (0.5, 0.9, True), (0.5, 0.5, True)],
)
def test_source_in_the_embedding_matters_where_it_gives_the_class_away(
    told: float, together: float, passed: bool
) -> None:
    """An embedding that tells sources within a class is a concern where these go with the classes, and only there."""
    table = make_table()
    place = table.groupby(["source", "label"]).cumcount()
    other = table["source"].map({"east": "west", "west": "east"})
    table["source_from_embedding"] = np.where(place < 100 * told, table["source"], other)
    training = make_training()
    own = training["label"].map({"normal": "east", "covid": "west"})
    share = training.groupby("label").cumcount() < 200 * together
    training["source"] = np.where(share, own, own.map({"east": "west", "west": "east"}))
    result = probe("source-from-embedding", table, training)
    assert result.value == pytest.approx((2 * told - 1) * (2 * together - 1), abs=0.01)
    assert result.passed is passed
    assert probe("class-by-source", table, training).passed
    assert result.figures["chance"] == 0.5
    assert result.figures["balanced_accuracy"] == pytest.approx(told)


def test_source_is_told_within_a_class() -> None:
    """A network that tells the class, and by it the source, tells nothing of the source within a class."""
    table = make_table().assign(source_from_embedding=["east", "west"] * 200)
    assert probe("source-from-embedding", table, confounded()).value == 0
    few = make_table().assign(source=lambda rows: rows["label"].map({"normal": "east", "covid": "west"}))
    result = probe("source-from-embedding", few.assign(source_from_embedding=few["source"]), confounded())
    assert (result.value, result.passed) == (None, True)
    assert "no class has 20 test patients in each of two sources" in result.sentence


def test_age_that_gives_the_class_away_is_caught() -> None:
    """Children in one class and the old in the other are told apart by their bones."""
    training = make_training().assign(age=lambda rows: rows["label"].map({"normal": 5.0, "covid": 85.0}))
    assert not probe("class-by-age", make_table(), training).passed


COLUMNS: dict[ProbeName, str] = {
    "lungs-hidden": "predicted_hidden",
    "lungs-alone": "predicted_alone",
    "metadata-alone": "predicted_metadata",
    "source-from-embedding": "source_from_embedding",
    "left-out-source": "predicted_elsewhere",
}


@pytest.mark.parametrize(
    ("name", "absent"),
    [*((name, True) for name in COLUMNS), *((name, False) for name in COLUMNS if "lungs" not in name)],
)
def test_probe_that_did_not_run_says_so(name: ProbeName, absent: bool) -> None:
    """Without its column, or with nothing in it, a probe has no value and does not pretend."""
    table = make_table()
    table = table.drop(columns=COLUMNS[name]) if absent else table.assign(**{COLUMNS[name]: None})
    result = probe(name, table)
    assert (result.value, result.passed) == (None, True)
    assert f"The probe {name} was not measured: " in result.sentence


@pytest.mark.parametrize("images", [1, 400])
@pytest.mark.parametrize(
    ("column", "failing"),
    [("predicted_hidden", ("lungs-hidden", "lungs-alone")), ("predicted_alone", ("lungs-alone",))],
)
def test_what_is_not_a_number_fails_the_probe(column: str, failing: tuple[ProbeName, ...], images: int) -> None:
    """A model that says so of one masked image fails, also where the bound lets everything pass, and is told why."""
    table = make_table()
    table.loc[: images - 1, column] = None
    bounds = ShortcutBounds(lungs_hidden=1, lungs_alone=1)
    results = run_probes(table, make_training(), "normal", bounds, ENOUGH)
    assert tuple(result.name for result in results if not result.passed) == failing
    for result in results:
        if result.name in failing:
            assert result.value == 1
            assert f"{images} of 400 predictions are not numbers with" in result.sentence
            assert "the model is broken, train it again" in result.sentence


def test_one_source_compares_with_nothing() -> None:
    """Where all images come from one source, no probe of sources has anything to say."""
    table, training = (rows.assign(source="east") for rows in (make_table(), make_training()))
    for name in ("source-from-embedding", "within-source", "class-by-source"):
        result = probe(name, table, training)
        assert (result.value, result.passed) == (None, True)
        assert "source" in result.sentence


def test_unknown_ages_compare_with_nothing() -> None:
    """Without ages there is no age group to go by."""
    assert probe("class-by-age", make_table(), make_training().assign(age=np.nan)).value is None


@pytest.mark.parametrize("name", ["within-source", "left-out-source"])
def test_few_patients_say_nothing_of_a_source(name: ProbeName) -> None:
    """Below the policy's number of patients nothing is said, however bad it looks."""
    table = make_table().assign(predicted="covid", predicted_elsewhere="covid")
    patients = table.groupby("label").cumcount() % (ENOUGH - 1)
    table["patient_id"] = table["label"] + patients.astype(str)
    result = probe(name, table)
    assert (result.value, result.passed) == (None, True)
    assert str(ENOUGH) in result.sentence


def test_source_with_one_class_says_nothing_within() -> None:
    """A source that has one class alone is told by its name: F1 within it means nothing."""
    table = make_table()
    table = table[(table["source"] == "east") | (table["label"] == "normal")]
    assert set(probe("within-source", table).figures) == {"f1", "f1 within east"}


def test_model_no_better_than_a_guess_has_no_skill_to_lose() -> None:
    """Calling everything normal is a guess, with the lungs or without."""
    result = probe("lungs-hidden", make_table().assign(predicted="normal", predicted_hidden="normal"))
    assert (result.value, result.passed) == (None, True)
    assert "no better than a guess" in result.sentence


@settings(max_examples=50, deadline=None)
@given(share=st.floats(0.01, 1), called=st.floats(0, 1))
def test_no_guess_beats_calling_everything_the_class(share: float, called: float) -> None:
    """A guess that calls any share of the images the class has at most this F1."""
    assert 2 * share * called / (share + called) <= guessing_f1(share) + 1e-12


def test_minority_f1_is_zero_where_undefined() -> None:
    """A class that is neither there nor called has an F1 of 0."""
    assert minority_f1(make_table().assign(label="covid", predicted="covid"), "normal") == 0
