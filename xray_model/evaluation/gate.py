"""The gate: whether a challenger takes the champion's place, decided by minority-class F1 on the same patients.

It asks for enough evidence, an absolute floor, a paired comparison, and that no class's recall falls. It does not look
for shortcuts: no probe is part of this policy yet.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.errors import InvalidInput
from xray_model.evaluation.metrics import bootstrap_confusions, class_figures, patient_confusions
from xray_model.outcomes import Check, Decision, EvaluationOutcome, format_fraction


def decide(
    challenger: EvaluationOutcome,
    challenger_table: pd.DataFrame,
    champion: EvaluationOutcome | None,
    champion_table: pd.DataFrame | None,
    policy: GatePolicy,
    champion_classes: Sequence[str] | None = None,
) -> Decision:
    """Decide on a challenger.

    Args:
        challenger: figures of the challenger on the test split.
        challenger_table: its predictions, from which they came.
        champion: figures of the champion, re-scored now on the same rows; None where there is none, or none that
            can be scored on them.
        champion_table: its predictions.
        policy: the bounds.
        champion_classes: what the champion in service tells apart; None where there is no champion.

    Raises:
        InvalidInput: the two tables do not hold the same images.
    """
    checks = [_enough_patients(challenger, policy), _floor(challenger, policy)]
    probability: float | None = None
    if champion_classes is None:
        checks.append(
            Check(name="champion", passed=True, sentence="There is no champion yet: the floor alone decides.")
        )
    elif champion is None or champion_table is None or _labels(champion) != _labels(challenger):
        checks.append(_other_classes(challenger, champion_classes))
    else:
        probability = probability_better(
            challenger_table, champion_table, _labels(challenger), challenger.minority, policy
        )
        checks.append(_better(challenger, champion, probability, policy))
        checks.extend(_recalls(challenger, champion, policy))
    return Decision(
        promote=all(check.passed for check in checks),
        checks=tuple(checks),
        minority=challenger.minority,
        minority_f1=challenger.minority_f1,
        champion_f1=None if champion is None or probability is None else champion.score(challenger.minority).f1,
        probability_better=probability,
    )


def probability_better(
    challenger: pd.DataFrame, champion: pd.DataFrame, classes: Sequence[str], minority: str, policy: GatePolicy
) -> float:
    """P(challenger >= champion - margin) of minority F1 over paired draws of test patients.

    With a margin of 0 a tie counts against the challenger: a model that is merely equal is not better.

    Raises:
        InvalidInput: the two tables do not hold the same images.
    """
    if set(challenger["image_id"]) != set(champion["image_id"]) or len(challenger) != len(champion):
        raise InvalidInput("champion and challenger were scored on different images: score both on one snapshot")
    place = list(classes).index(minority)
    # One seed draws the same patients for both, which takes the difference between patients out of the comparison.
    f1 = [
        class_figures(bootstrap_confusions(patient_confusions(table, classes), policy.draws, policy.seed))[2][:, place]
        for table in (challenger, champion)
    ]
    difference = f1[0] - f1[1]
    better = difference > 0 if policy.margin == 0 else difference >= -policy.margin
    return float(np.mean(better))


def _enough_patients(challenger: EvaluationOutcome, policy: GatePolicy) -> Check:
    patients = challenger.score(challenger.minority).patients
    passed = patients >= policy.minimum_patients
    verdict = "enough" if passed else "not enough evidence"
    return Check(
        name="evidence",
        passed=passed,
        sentence=f"The test split holds {patients} patients with {challenger.minority}, "
        f"{policy.minimum_patients} are needed: {verdict}.",
    )


def _floor(challenger: EvaluationOutcome, policy: GatePolicy) -> Check:
    value = challenger.minority_f1
    passed = value.value >= policy.floor
    return Check(
        name="floor",
        passed=passed,
        sentence=f"F1 of {challenger.minority} is {value} on {challenger.patients} test patients, "
        f"{'above' if passed else 'below'} the floor of {format_fraction(policy.floor)}.",
    )


def _better(
    challenger: EvaluationOutcome, champion: EvaluationOutcome, probability: float, policy: GatePolicy
) -> Check:
    passed = probability >= policy.confidence
    minority = challenger.minority
    return Check(
        name="better",
        passed=passed,
        sentence=f"F1 of {minority} is {format_fraction(challenger.minority_f1.value)} against the champion's "
        f"{format_fraction(champion.score(minority).f1.value)} on the same {challenger.patients} test patients: "
        f"P(better) is {format_fraction(probability)}, {format_fraction(policy.confidence)} is needed.",
    )


def _recalls(challenger: EvaluationOutcome, champion: EvaluationOutcome, policy: GatePolicy) -> list[Check]:
    checks = []
    for score in challenger.classes:
        before = champion.score(score.label).recall.value
        fall = before - score.recall.value
        passed = fall <= policy.recall_allowance + 1e-9
        checks.append(
            Check(
                name=f"recall-{score.label}",
                passed=passed,
                sentence=f"Recall of {score.label} goes from {format_fraction(before)} "
                f"to {format_fraction(score.recall.value)}"
                + ("." if passed else f": it may fall by {format_fraction(policy.recall_allowance)} at most."),
            )
        )
    return checks


def _other_classes(challenger: EvaluationOutcome, champion_classes: Sequence[str]) -> Check:
    return Check(
        name="comparable",
        passed=False,
        sentence=f"The champion tells apart {', '.join(champion_classes)}, the challenger "
        f"{', '.join(_labels(challenger))}: they cannot be compared. Train with the champion's classes, "
        "or begin a new store for the new question.",
    )


def _labels(evaluation: EvaluationOutcome) -> tuple[str, ...]:
    return tuple(score.label for score in evaluation.classes)
