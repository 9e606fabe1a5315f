"""Who is X-rayed: shares, seeds, patients that stay the same."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from xray_model.data.phantoms import CohortOptions, plan_cohort

MakeOptions = Callable[..., CohortOptions]


@given(
    patients=st.integers(1, 120),
    covid=st.integers(0, 9),
    normal=st.integers(0, 9),
    pneumonia=st.integers(1, 9),
)
def test_patients_are_counted_out_in_the_shares_asked_for(
    patients: int, covid: int, normal: int, pneumonia: int
) -> None:
    """Every share is met to less than one patient, and all patients are there."""
    shares = {"covid": float(covid), "normal": float(normal), "pneumonia": float(pneumonia)}
    exams = plan_cohort(CohortOptions(patients=patients, shares=shares))
    counts = Counter({exam.patient.number: exam.patient.finding for exam in exams}.values())
    assert counts.total() == patients
    for finding, share in shares.items():
        assert abs(counts[finding] - patients * share / sum(shares.values())) < 1


def test_the_default_is_one_normal_to_eight_covid() -> None:
    """Without further wishes a cohort has the imbalance of the cleaned BIMCV set."""
    findings = Counter({e.patient.number: e.patient.finding for e in plan_cohort(CohortOptions(patients=90))}.values())
    assert findings == {"covid": 80, "normal": 10}


def test_a_plan_follows_from_its_seed(make_options: MakeOptions) -> None:
    """The same seed plans the same cohort, another seed another one."""
    assert plan_cohort(make_options()) == plan_cohort(make_options())
    assert plan_cohort(make_options()) != plan_cohort(make_options(seed=8))


def test_a_patient_keeps_body_sex_age_and_finding(make_options: MakeOptions) -> None:
    """All images of a number show one and the same patient."""
    by_number = defaultdict(set)
    for exam in plan_cohort(make_options(patients=120, further_share=0.6)):
        by_number[exam.patient.number].add(exam.patient)
    assert set(map(len, by_number.values())) == {1}
    assert len({patient.body for group in by_number.values() for patient in group}) == 120


def test_sessions_follow_each_other_and_belong_to_one_patient(make_options: MakeOptions) -> None:
    """Session numbers rise with the days of a patient, no two patients share one, and runs count up within one."""
    exams = plan_cohort(make_options(patients=120, further_share=0.6))
    owners = defaultdict(set)
    for before, exam in pairwise(exams):
        owners[exam.session].add(exam.patient.number)
        if before.patient == exam.patient:
            assert (exam.session == before.session) == (exam.day == before.day)
            assert exam.session >= before.session
            assert exam.run == (before.run + 1 if exam.session == before.session else 1)
    assert set(map(len, owners.values())) == {1}
    assert max(Counter(exam.patient.number for exam in exams).values()) == 4


def test_no_two_images_share_a_seed(make_options: MakeOptions) -> None:
    """Each planned image has a seed of its own."""
    exams = plan_cohort(make_options(patients=100, further_share=0.6))
    assert len({exam.key for exam in exams}) == len(exams)


def test_a_later_batch_can_start_at_another_number(make_options: MakeOptions) -> None:
    """Two cohorts with separate numbers share no patient and no session."""
    first, second = plan_cohort(make_options()), plan_cohort(make_options(first_patient=1000))
    assert not {e.patient.number for e in first} & {e.patient.number for e in second}
    assert not {e.session for e in first} & {e.session for e in second}


def test_views_follow_their_shares(make_options: MakeOptions) -> None:
    """Shares of 0 and 1 leave no view to chance."""
    assert {e.view for e in plan_cohort(make_options(lateral_share=1.0))} == {"L"}
    assert {e.view for e in plan_cohort(make_options(lateral_share=0.0, portable_share=0.0))} == {"PA"}
    assert {e.view for e in plan_cohort(make_options(lateral_share=0.0, portable_share=1.0))} == {"AP"}


def test_a_drifted_population_is_older(make_options: MakeOptions) -> None:
    """Mean age rises with drift, and children stay children."""
    ages = [
        np.mean([e.patient.age for e in plan_cohort(make_options(patients=200, drift=drift))])
        for drift in (0.0, 0.5, 1.0)
    ]
    assert ages == sorted(ages)
    assert ages[-1] - ages[0] > 8
    assert all(1 <= e.patient.age < 6 for e in plan_cohort(make_options(children=True)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shares": {"covid": 0.0}}, "at least one positive share"),
        ({"shares": {"covid": 1.0, "normal": -1.0}}, "no negative one"),
        ({"shares": {"fracture": 1.0}}, "cannot be drawn"),
        ({"smallest_side": 500, "largest_side": 400}, "is above largest_side"),
        ({"drift": 2.0}, "less than or equal to 1"),
        ({"patient": 3}, "Extra inputs"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object], message: str) -> None:
    """A wrong option is refused with a reason that names it."""
    with pytest.raises(ValidationError, match=message):
        CohortOptions.model_validate(wrong)
