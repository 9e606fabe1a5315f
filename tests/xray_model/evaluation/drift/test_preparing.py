"""Comparisons of drawn frames: laws, power, and frames that are not as they should be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from tests.xray_model.evaluation.drift.frames import CLASSES, POLICY, compare, draw_frame
from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.judging import judge, score_columns
from xray_model.evaluation.drift.preparing import prepare
from xray_model.outcomes import DriftFamily, DriftOutcome, DriftState

REFERENCE = draw_frame(400, 1)
NEW = draw_frame(120, 2)
ANSWERS = ["p_covid", "p_normal", "p_pneumonia", "uncertainty", "predicted"]
AXES = [f"e_{axis:02d}" for axis in range(6)]


def moved(outcome: DriftOutcome) -> set[str]:
    """Names of the columns that moved."""
    return {column.name for column in outcome.columns if column.moved}


def test_the_order_of_the_rows_does_not_matter() -> None:
    """The same images in another order give the same outcome, to the last digit."""
    outcome = compare(NEW, REFERENCE)
    assert compare(NEW.sample(frac=1, random_state=3), REFERENCE.sample(frac=1, random_state=4)) == outcome


@pytest.mark.parametrize("seed", range(3))
def test_equal_frames_are_ok(seed: int) -> None:
    """The reference beside itself is no drift."""
    frame = draw_frame(200, seed)
    outcome = compare(frame, frame)
    assert outcome.state is DriftState.OK
    assert not moved(outcome)


@pytest.mark.parametrize("batches", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_batches_like_the_reference_raise_no_alarm(batches: int) -> None:
    """Of batches drawn from the reference itself about one in fifty moves at all, as the policy asks."""
    pool = draw_frame(260, 7)
    patients = pool["patient_id"].unique()
    policy = DriftPolicy(permutations=200, minimum_patients=20)
    states = []
    for seed in range(batches):
        drawn = pool["patient_id"].isin(np.random.default_rng(seed).choice(patients, 50, replace=False))
        states.append(compare(pool[drawn], pool[~drawn], policy).state)
    assert sum(state is not DriftState.OK for state in states) <= binom.isf(0.001, batches, policy.false_alarms)
    assert sum(state in {DriftState.RETRAIN, DriftState.HOLD} for state in states) <= 0.05 * batches


@pytest.mark.parametrize(
    ("change", "name", "family", "state"),
    [
        ({"mean": lambda frame: frame["mean"] - 15}, "mean", DriftFamily.QUALITY, DriftState.RETRAIN),
        ({"mean": lambda frame: frame["mean"] - 40}, "mean", DriftFamily.QUALITY, DriftState.HOLD),
        ({"age": lambda frame: frame["age"] / 10}, "age", DriftFamily.POPULATION, DriftState.RETRAIN),
        ({"manufacturer": "Kodak"}, "manufacturer", DriftFamily.QUALITY, DriftState.HOLD),
        ({"source": "new ward"}, "source", DriftFamily.POPULATION, DriftState.RETRAIN),
        ({"e_03": lambda frame: frame["e_03"] + 2}, "embedding", DriftFamily.EMBEDDING, DriftState.RETRAIN),
        ({"predicted": "covid"}, "predicted", DriftFamily.PREDICTION, DriftState.RETRAIN),
    ],
)
def test_a_shift_is_found(change: dict[str, Any], name: str, family: DriftFamily, state: DriftState) -> None:
    """A planted shift moves its column alone, which says so, and asks for what its size asks for."""
    outcome = compare(NEW.assign(**change), REFERENCE)
    assert moved(outcome) == {name}
    column = next(column for column in outcome.columns if column.name == name)
    assert column.family is family
    assert column.sentence in outcome.reasons
    assert column.chance is not None
    assert column.chance <= POLICY.false_alarms
    assert outcome.state is state


def test_a_hospital_is_compared_with_itself() -> None:
    """New images of one known source are put beside that source, whose own look is then no drift."""
    known = REFERENCE.assign(mean=np.where(REFERENCE["source"] == "ward", 130.0, 90.0) + REFERENCE["mean"] - 130)
    ward = known[known["patient_id"].isin(REFERENCE["patient_id"].unique()[:150]) & (known["source"] == "ward")]
    rest = known[~known["patient_id"].isin(ward["patient_id"])]
    comparison = prepare(ward, rest, POLICY, CLASSES)
    assert set(comparison.reference["source"]) == {"ward"}
    assert not comparison.new_sources
    assert compare(ward, rest).state is DriftState.OK


def test_new_images_of_two_sources_meet_both_in_the_same_shares() -> None:
    """The reference is drawn from the sources of the new images in their proportions, one image of each patient."""
    shares = NEW.drop_duplicates("patient_id")["source"].value_counts(normalize=True)
    comparison = prepare(NEW, REFERENCE, POLICY, CLASSES)
    found = comparison.reference["source"].value_counts(normalize=True)
    assert found["ward"] == pytest.approx(shares["ward"], abs=0.01)
    assert comparison.reference["patient_id"].is_unique
    assert comparison.current["patient_id"].is_unique
    assert len(comparison.current) == 120


def test_images_learned_from_count_for_data_and_not_for_answers() -> None:
    """Answers are compared with those on images the model has not learned from, everything else with all."""
    learned = REFERENCE.copy()
    half = learned["patient_id"].isin(learned["patient_id"].unique()[::2])
    learned.loc[half, ANSWERS[:-1]] = np.nan
    learned.loc[half, "predicted"] = None
    learned.loc[half, AXES] = np.nan
    outcome = compare(NEW, learned)
    assert outcome.state is DriftState.OK
    assert {"mean", "uncertainty", "predicted", "embedding"} <= {column.name for column in outcome.columns}
    assert "not recorded" not in next(column for column in outcome.columns if column.name == "predicted").reference


def test_the_least_alike_and_the_most_typical_are_named() -> None:
    """Ids of new images that lie farthest from the reference, and of its own in its middle."""
    odd = NEW.copy()
    odd.loc[odd["patient_id"].isin(odd["patient_id"].unique()[:12]), AXES] += 3
    outcome = compare(odd, REFERENCE)
    far = set(odd.loc[odd["patient_id"].isin(odd["patient_id"].unique()[:12]), "image_id"])
    assert len(set(outcome.drifted) & far) >= 10
    assert len(outcome.typical) == 12
    assert set(outcome.typical) <= set(REFERENCE["image_id"])


def test_a_shift_of_the_classes_is_said() -> None:
    """Where the answers speak for another share of a class, a reason says which, with its interval."""
    many = draw_frame(300, 5)
    many = many[(many["label"] != "pneumonia") | (many.index % 4 == 0)]
    outcome = compare(many, REFERENCE)
    said = next(reason for reason in outcome.reasons if reason.startswith("pneumonia would make up"))
    assert " to " in said
    assert said.endswith("before.")
    strange = compare(many.assign(e_03=many["e_03"] + 3), REFERENCE)
    assert any(reason.startswith("If the model's answers hold") for reason in strange.reasons)


def test_watch_is_counted() -> None:
    """Nights on watch are handed on, and end with the retraining they ask for."""
    slight = NEW.assign(e_03=NEW["e_03"] + 1.2)
    policy = POLICY.model_copy(update={"embedding_retrain": 0.9, "number_retrain": 0.9})
    first = compare(slight, REFERENCE, policy)
    assert (first.state, first.watched) == (DriftState.WATCH, 1)
    last = compare(slight, REFERENCE, policy, watched_before=2)
    assert (last.state, last.watched) == (DriftState.RETRAIN, 0)


HOSTILE = {
    "missing column": (NEW.drop(columns="mean"), "for none of the new images holds it: brightness"),
    "missing answers": (NEW.drop(columns=ANSWERS), "probability of covid"),
    "missing embedding": (NEW.drop(columns=AXES), "what the model sees: 0 of the new images"),
    "all missing": (NEW.assign(mean=np.nan), "for none of the new images holds it: brightness"),
    "all missing view": (NEW.assign(view=None), "for none of the new images holds it: view"),
    "few values": (NEW.assign(age=NEW["age"].where(NEW.index < 9)), "new images hold it (30 are needed): age"),
    "infinite": (NEW.assign(std=np.where(NEW.index % 2, np.inf, NEW["std"])), "no usable number for contrast"),
    "words for numbers": (NEW.assign(std="much"), "no usable number for contrast"),
    "constant": (NEW.assign(bits="8"), None),
    "no patients": (NEW.drop(columns="patient_id"), "each image counts as a patient"),
    "no sources": (NEW.drop(columns="source"), "No source is recorded for the new images"),
    "missing probabilities": (NEW.assign(p_covid=np.nan), "for none of the new images holds it: probability of covid"),
    "one row": (NEW.head(1), "1 patients with new images"),
    "no rows": (NEW.head(0), "0 patients with new images"),
    "no columns": (pd.DataFrame(), "0 patients with new images"),
    "ids alone": (NEW[["image_id", "patient_id", "source"]], "for none of the new images holds it"),
    "unseen category": (NEW.assign(view="oblique"), None),
    "many categories": (NEW.assign(manufacturer=NEW["image_id"]), None),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_frames_are_told_of(case: str) -> None:
    """What cannot be compared is a note that says why: no crash, no figure that is no number, no silent pass."""
    frame, said = HOSTILE[case]
    outcome = compare(frame, REFERENCE)
    if said is not None:
        assert any(said in note for note in outcome.notes), outcome.notes
    assert "nan" not in outcome.model_dump_json().lower()
    if len(frame) < 2:
        assert outcome.state is DriftState.UNKNOWN
        assert any("are needed" in reason for reason in outcome.reasons)
    if case == "unseen category":
        assert any(reason.startswith("More are oblique") for reason in outcome.reasons)
    if case in {"unseen category", "many categories", "no sources"}:
        assert outcome.state in {DriftState.RETRAIN, DriftState.HOLD}


@pytest.mark.parametrize("reference", [REFERENCE.head(0), REFERENCE.head(10), pd.DataFrame()])
def test_a_reference_of_few_patients_is_unknown(reference: pd.DataFrame) -> None:
    """Where the reference has too few patients nothing is said of the new images, and the reason says so."""
    outcome = compare(NEW, reference)
    assert outcome.state is DriftState.UNKNOWN
    assert any("in the reference; 30 of each are needed" in reason for reason in outcome.reasons)


def test_columns_alike_in_all_images_are_noted() -> None:
    """A column that is constant in both is not compared, and said to be."""
    outcome = compare(NEW.assign(bits="8"), REFERENCE.assign(bits="8"))
    assert "bits" not in {column.name for column in outcome.columns}
    assert any("all images are alike in it: bits stored" in note for note in outcome.notes)


def test_a_constant_that_changed_has_moved() -> None:
    """A number that is one value before and another now is drift, though it varies in neither."""
    outcome = compare(NEW.assign(border=0.2), REFERENCE.assign(border=0.0))
    assert "border" in moved(outcome)
    assert outcome.state is DriftState.HOLD


def test_a_column_that_was_not_measured_is_noted() -> None:
    """A distance that did not come, or is no number, leaves a note and not a pass."""
    comparison = prepare(NEW, REFERENCE, POLICY, CLASSES)
    scores = score_columns(comparison)
    outcome = judge(comparison, {**scores, "mean": float("nan")}, POLICY)
    assert any("Not measured, though it could be: brightness" in note for note in outcome.notes)
    assert "mean" not in {column.name for column in outcome.columns}


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["of none", "of some"])
def test_new_images_that_the_model_was_not_asked_of_are_compared_all_the_same(share: float) -> None:
    """Where no known image stands as they do, they are exchanged with others: what moved is found, and no more."""
    asked = np.random.default_rng(5).random(len(NEW)) < share
    unasked = NEW.assign(**{name: NEW[name].where(asked) for name in [*AXES, *ANSWERS]})
    assert not moved(compare(unasked, REFERENCE))
    assert moved(compare(unasked.assign(mean=NEW["mean"] - 15), REFERENCE)) == {"mean"}
