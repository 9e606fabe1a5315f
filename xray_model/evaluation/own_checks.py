"""What the gate asks of a challenger by itself, whichever model is in service."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.outcomes import Check, ClassScore, EvaluationOutcome, format_fraction


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


def check_floor(challenger: EvaluationOutcome, policy: GatePolicy) -> Check:
    """Whether minority F1 reaches the floor."""
    f1 = challenger.minority_f1
    passed = f1.value >= policy.floor
    return Check(
        name="floor",
        passed=passed,
        sentence=f"F1 of {challenger.minority} is {f1} on {challenger.patients} test patients, "
        f"{'not below' if passed else 'below'} the floor of {format_fraction(policy.floor)}.",
    )


def check_calibration(challenger: EvaluationOutcome, policy: GatePolicy) -> Check:
    """Whether the probabilities can be believed. Chance alone makes an error: the lower end of its interval counts."""
    if challenger.calibration is None:
        return Check(name="calibration", passed=False, sentence="Calibration was not measured: evaluate it again.")
    error = challenger.calibration.error
    return Check(
        name="calibration",
        passed=error.low <= policy.calibration_error,
        sentence=f"The challenger's probabilities are off by {error} on average (expected calibration error), "
        f"{format_fraction(policy.calibration_error)} may be.",
    )


def check_probes(challenger: EvaluationOutcome) -> list[Check]:
    """Each shortcut probe against its bound."""
    if not challenger.probes:
        return [Check(name="probes", passed=False, sentence="No shortcut probe was run: evaluate it again.")]
    return [
        Check(name=probe.name, passed=probe.passed, sentence=probe.sentence, measured=probe.value is not None)
        for probe in challenger.probes
    ]
