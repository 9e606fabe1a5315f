"""Comparisons of drawn frames: laws, power, and frames that are not as they should be."""

from collections.abc import Iterable
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


def learn_from(frame: pd.DataFrame, patients: Iterable[str]) -> pd.DataFrame:
    """The frame without the model's answers on images of these patients."""
    kept = ~frame["patient_id"].isin(list(patients))
    return frame.assign(**{name: frame[name].where(kept) for name in [*AXES, *ANSWERS]})


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
    whole = pool = draw_frame(260, 7)
    patients = pool["patient_id"].unique()
    # As real ones are: the model has learned from most of the reference.
    pool = learn_from(pool, patients[:160])
    policy = DriftPolicy(permutations=200, minimum_patients=20)
    states = []
    for seed in range(batches):
        drawn = pool["patient_id"].isin(np.random.default_rng(seed).choice(patients, 50, replace=False))
        states.append(compare(whole[drawn], pool[~drawn], policy).state)
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
    learned = learn_from(REFERENCE, REFERENCE["patient_id"].unique()[::2])
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


OK, RETRAIN, HOLD, UNKNOWN = DriftState.OK, DriftState.RETRAIN, DriftState.HOLD, DriftState.UNKNOWN
HOSTILE = {
    "missing column": (NEW.drop(columns="mean"), HOLD, "for none of the new images holds it: brightness"),
    "missing answers": (NEW.drop(columns=ANSWERS), OK, "probability of covid"),
    "missing embedding": (NEW.drop(columns=AXES), OK, "what the model sees: 0 of the new images"),
    "missing findings": (NEW.drop(columns="label"), OK, "for none of the new images holds it: finding"),
    "all missing": (NEW.assign(mean=np.nan), HOLD, "for none of the new images holds it: brightness"),
    "half missing": (NEW.assign(mean=NEW["mean"].where(NEW.index % 2 == 0)), RETRAIN, "the new images, before in none"),
    "all missing view": (NEW.assign(view=None), RETRAIN, "The view is not recorded for 100 %, before 0 %."),
    "all missing maker": (NEW.drop(columns="manufacturer"), HOLD, "The scanner maker is not recorded for 100 %"),
    "few values": (NEW.assign(age=NEW["age"].where(NEW.index < 9)), RETRAIN, "new images hold it (30 are needed): age"),
    "all infinite": (NEW.assign(std=np.inf), HOLD, "Missing in all of the new images, before in none: contrast."),
    "infinite": (NEW.assign(std=np.where(NEW.index % 2, np.inf, NEW["std"])), RETRAIN, "no usable number for contrast"),
    "words for numbers": (NEW.assign(std="much"), HOLD, "no usable number for contrast"),
    "one absurd number": (NEW.assign(age=NEW["age"].where(NEW.index > 0, 1e13)), OK, "1 of the new images have no us"),
    "constant": (NEW.assign(bits="8"), RETRAIN, "More images store 8 bits"),
    "no patients": (NEW.drop(columns="patient_id"), None, "each image counts as a patient"),
    "no sources": (NEW.drop(columns="source"), OK, "No source is recorded for the new images"),
    "missing probabilities": (NEW.assign(p_covid=np.nan), OK, "for none of the new images holds it: probability of"),
    "one row": (NEW.head(1), UNKNOWN, "Nothing is compared: 1 patient with new images"),
    "no rows": (NEW.head(0), UNKNOWN, "Nothing is compared: 0 patients with new images"),
    "no columns": (pd.DataFrame(), UNKNOWN, "Nothing is compared: 0 patients with new images"),
    "ids alone": (NEW[["image_id", "patient_id", "source"]], HOLD, "for none of the new images holds it"),
    "unseen category": (NEW.assign(view="oblique"), RETRAIN, "More are oblique"),
    "many categories": (NEW.assign(manufacturer=NEW["image_id"]), HOLD, "Rare values of scanner maker"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_frames_are_told_of(case: str) -> None:
    """What cannot be compared is said, and what is lost has moved: no crash, no figure that is no number, no pass."""
    frame, state, said = HOSTILE[case]
    outcome = compare(frame, REFERENCE)
    assert any(said in line for line in (*outcome.notes, *outcome.reasons)), (outcome.notes, outcome.reasons)
    assert "nan" not in outcome.model_dump_json().lower()
    assert state is None or outcome.state is state
    if state is UNKNOWN:
        assert outcome.reasons[0].startswith(said)


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


@pytest.mark.parametrize("seed", range(3))
def test_few_answers_hide_no_shift_of_the_pictures(seed: int) -> None:
    """Where the model was asked of one known image in ten, what moved in the pictures is found as surely."""
    new = draw_frame(200, 30 + seed)
    learned = learn_from(REFERENCE, REFERENCE["patient_id"].unique()[40:])
    assert "mean" in moved(compare(new.assign(mean=new["mean"] - 15), learned))


def test_a_sparse_column_disarms_no_other() -> None:
    """A column that hardly any known image holds has thresholds that are numbers, and calm stays calm."""
    sparse = REFERENCE.assign(age=REFERENCE["age"].where(REFERENCE["patient_id"].rank(method="dense") <= 35))
    new = NEW[NEW["patient_id"].isin(NEW["patient_id"].unique()[:40])]
    comparison = prepare(new, sparse, POLICY, CLASSES)
    assert all(np.isfinite(compared.null).all() for compared in comparison.columns)
    assert all(np.isfinite(compared.threshold) for compared in comparison.columns)
    assert moved(compare(new, sparse)) == {"age_recorded"}


def test_findings_of_some_new_images_are_no_shift() -> None:
    """Findings may come later: those that are there are compared with as many dealt among those that have one."""
    some = NEW["patient_id"].isin(NEW["patient_id"].unique()[:35])
    assert compare(NEW.assign(label=NEW["label"].where(some)), REFERENCE).state is OK


@pytest.mark.parametrize(("patients", "calm", "faulty"), [(1, OK, HOLD), (40, RETRAIN, HOLD)])
def test_a_new_source_beside_known_ones(patients: int, calm: DriftState, faulty: DriftState) -> None:
    """Known sources are compared with themselves: strangers hide no fault of theirs, few ask for nothing."""
    strangers = draw_frame(patients, 40, sources=("new ward",))
    outcome = compare(pd.concat([NEW, strangers]), REFERENCE)
    assert outcome.state is calm
    assert any("of new ward, of which the reference has 0 patients" in note for note in outcome.notes)
    assert compare(pd.concat([NEW.assign(mean=NEW["mean"] - 60), strangers]), REFERENCE).state is faulty


def test_a_scarce_source_does_not_shrink_the_reference() -> None:
    """A source of which few images are known is left out, and told of, where it would leave few of the others."""
    clinic = REFERENCE[REFERENCE["source"] == "clinic"]
    few = clinic[clinic["patient_id"].isin(clinic["patient_id"].unique()[:31])]
    comparison = prepare(NEW, pd.concat([REFERENCE[REFERENCE["source"] == "ward"], few]), POLICY, CLASSES)
    assert len(comparison.reference) > 150
    assert set(comparison.current["source"]) == {"ward"}
    assert any("of clinic, of which the reference has 31 patients, too few" in note for note in comparison.notes)


def test_answers_of_a_source_without_known_ones_are_left_out() -> None:
    """A source whose known images have no answer is compared by its pictures alone, and a note says so."""
    learned = learn_from(REFERENCE, REFERENCE.loc[REFERENCE["source"] == "clinic", "patient_id"])
    comparison = prepare(NEW, learned, POLICY, CLASSES)
    clinic = comparison.current[comparison.current["source"] == "clinic"]
    assert clinic["uncertainty"].isna().all()
    assert clinic["mean"].notna().all()
    assert any(note.startswith("Not compared for images of clinic") for note in comparison.notes)


def test_a_trifle_beside_a_constant_is_watched() -> None:
    """A fifth of a per cent of clipped pixels where none was is no reason to hold a batch."""
    outcome = compare(NEW.assign(saturated=0.002), REFERENCE.assign(saturated=0.0))
    assert outcome.state in {OK, DriftState.WATCH}
