"""What the gate asks of a challenger by itself, whichever model is in service."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.evaluation.comparison import compare_tables
from xray_model.outcomes import Check, ClassScore, EvaluationOutcome, format_fraction

_ROUNDING = 1e-9


def check_finite(evaluation: EvaluationOutcome, table: pd.DataFrame) -> Check:
    """Whether every probability and every figure is a number."""
    broken = count_broken(table)
    figures = [figure for score in evaluation.classes for figure in _figures(score)]
    passed = broken == 0 and bool(np.isfinite(figures).all())
    sentence = "Every prediction and every figure of the challenger is a number."
    if broken:
        sentence = f"{broken} of {len(table)} predictions are not numbers: the model is broken, train it again."
    elif not passed:
        sentence = "Figures of the challenger are not numbers: evaluate it again."
    return Check(name="finite", passed=passed, sentence=sentence)


def count_broken(table: pd.DataFrame) -> int:
    """Images of which a probability (`p_<class>`) is not a finite number."""
    probabilities = table.filter(regex="^p_").to_numpy(dtype=np.float64)
    return int((~np.isfinite(probabilities)).any(axis=1).sum())


def _figures(score: ClassScore) -> Sequence[float]:
    return [
        end for figure in (score.precision, score.recall, score.f1) for end in (figure.value, figure.low, figure.high)
    ]


def check_evidence(challenger: EvaluationOutcome, policy: GatePolicy) -> Check:
    """Whether enough test patients have the minority class."""
    patients = challenger.score(challenger.minority).patients
    passed = patients >= policy.minimum_patients
    return Check(
        name="evidence",
        passed=passed,
        sentence=f"The test split holds {patients} patients with {challenger.minority}, "
        f"{policy.minimum_patients} are needed: {'enough' if passed else 'not enough'} evidence.",
    )


def check_floors(challenger: EvaluationOutcome, policy: GatePolicy) -> list[Check]:
    """Whether minority F1 reaches its floor, and each class's recall that of recalls."""
    f1 = challenger.minority_f1
    passed = f1.value >= policy.floor
    of_f1 = Check(
        name="floor",
        passed=passed,
        sentence=f"F1 of {challenger.minority} is {f1} on {challenger.patients} test patients, "
        f"{'not below' if passed else 'below'} the floor of {format_fraction(policy.floor)}.",
    )
    return [of_f1, *(_check_recall_floor(score, policy.recall_floor) for score in challenger.classes)]


def _check_recall_floor(score: ClassScore, floor: float) -> Check:
    passed = score.recall.value >= floor - _ROUNDING
    return Check(
        name=f"floor-{score.label}",
        passed=passed,
        sentence=f"Recall of {score.label} is {score.recall} on {score.patients} test patients who have it, "
        f"{'not below' if passed else 'below'} the floor of {format_fraction(floor)}.",
    )


def check_skill(challenger: EvaluationOutcome, table: pd.DataFrame, policy: GatePolicy) -> Check:
    """Whether minority F1 is surely above that of calling every image the class, which no guess can beat."""
    minority, classes = challenger.minority, [score.label for score in challenger.classes]
    guess = table.assign(predicted=minority)
    f1 = compare_tables(table, guess, classes, policy.draws, policy.seed)[minority].f1
    probability = f1.chance_above(_ROUNDING)
    passed = probability >= policy.skill_confidence
    return Check(
        name="skill",
        passed=passed,
        sentence=f"Calling every image {minority} has an F1 of {format_fraction(f1.champion)}, this model "
        f"{format_fraction(f1.challenger)}: it is better with a probability of {probability:.1%}, "
        f"{policy.skill_confidence:.1%} is needed{'' if passed else '. It knows no more than a guess'}.",
    )


def check_calibration(challenger: EvaluationOutcome, policy: GatePolicy) -> Check:
    """Whether the probabilities can be believed: the error beyond what chance makes of a calibrated model's."""
    if challenger.calibration is None:
        return Check(name="calibration", passed=False, sentence="Calibration was not measured: evaluate it again.")
    error, chance = challenger.calibration.error, challenger.calibration.chance or 0.0
    return Check(
        name="calibration",
        passed=error.value - chance <= policy.calibration_error + _ROUNDING,
        sentence=f"The challenger's probabilities are off by {format_fraction(error.value)} on average (expected "
        f"calibration error), of which {format_fraction(min(chance, error.value))} is what chance makes of "
        f"{challenger.images} images; {format_fraction(policy.calibration_error)} may be beyond that.",
    )


def check_probes(challenger: EvaluationOutcome) -> list[Check]:
    """Each shortcut probe against its bound."""
    if not challenger.probes:
        return [Check(name="probes", passed=False, sentence="No shortcut probe was run: evaluate it again.")]
    return [
        Check(name=probe.name, passed=probe.passed, sentence=probe.sentence, measured=probe.value is not None)
        for probe in challenger.probes
    ]
