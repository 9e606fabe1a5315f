"""The gate: whether a challenger takes the champion's place.

It asks for finite scores, enough evidence, absolute floors, more than a guess, a paired comparison of minority-class F1
on the same patients, that no class and no subgroup pays for it, for probabilities that can be believed, and for no
shortcut.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.evaluation.champion_checks import check_better, check_recalls, check_subgroups
from xray_model.evaluation.comparison import Difference, compare_tables, pair_tables
from xray_model.evaluation.own_checks import (
    check_calibration,
    check_evidence,
    check_finite,
    check_floors,
    check_probes,
    check_skill,
    count_broken,
)
from xray_model.evaluation.power import detectable_difference, foreseen_error
from xray_model.outcomes import Check, Decision, EvaluationOutcome, Interval

UNKNOWN = Interval(value=0, low=0, high=1)
"""What is said of a figure that is not a number."""


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
        challenger: figures of the challenger on the test split, with its shortcut probes.
        challenger_table: its predictions, from which they came.
        champion: figures of the champion, re-scored now on the same rows; None where there is none, or none that
            can be scored on them.
        champion_table: its predictions.
        policy: the bounds, and what is waived.
        champion_classes: what the champion in service tells apart; None where there is no champion.

    Raises:
        InvalidInput: the two tables do not hold the same images.
    """
    finite = check_finite(challenger, challenger_table)
    if not finite.passed:
        f1 = challenger.minority_f1
        return Decision(
            promote=False,
            checks=(finite,),
            minority=challenger.minority,
            minority_f1=f1 if np.isfinite([f1.value, f1.low, f1.high]).all() else UNKNOWN,
            **_as_asked(policy),
        )
    against, difference = _check_against_champion(
        challenger, challenger_table, champion, champion_table, policy, champion_classes
    )
    checks = [
        finite,
        check_evidence(challenger, policy),
        *check_floors(challenger, policy),
        check_skill(challenger, challenger_table, policy),
        *against,
        check_calibration(challenger, policy),
        *check_probes(challenger),
    ]
    judged = tuple(_waive(check, policy) for check in checks)
    return Decision(
        promote=all(check.holds for check in judged),
        checks=judged,
        minority=challenger.minority,
        minority_f1=challenger.minority_f1,
        champion_f1=None if champion is None or difference is None else champion.score(challenger.minority).f1,
        probability_better=None if difference is None else difference.chance_above(-policy.margin),
        detectable=_find_detectable(challenger, challenger_table, difference, policy),
        **_as_asked(policy),
    )


class _Asked(TypedDict):
    margin: float
    confidence: float
    draws: int
    seed: int
    requires_approval: bool


def _as_asked(policy: GatePolicy) -> _Asked:
    """What a decision keeps of the policy."""
    return {
        "margin": policy.margin,
        "confidence": policy.confidence,
        "draws": policy.draws,
        "seed": policy.seed,
        "requires_approval": policy.require_approval,
    }


def _check_against_champion(
    challenger: EvaluationOutcome,
    challenger_table: pd.DataFrame,
    champion: EvaluationOutcome | None,
    champion_table: pd.DataFrame | None,
    policy: GatePolicy,
    champion_classes: Sequence[str] | None,
) -> tuple[list[Check], Difference | None]:
    """The checks, and the difference in minority F1; None where there is nothing to compare with."""
    if champion_classes is None:
        sentence = "There is no champion yet: floors, skill, calibration and probes decide."
        return [Check(name="champion", passed=True, sentence=sentence)], None
    classes = _labels(challenger)
    if tuple(champion_classes) != classes:
        return [
            _cannot_compare(f"it tells apart {', '.join(champion_classes)}, not {', '.join(classes)}", policy)
        ], None
    if champion is None or champion_table is None:
        return [_cannot_compare("it could not be scored on these images", policy)], None
    if broken := count_broken(champion_table):
        return [_cannot_compare(f"{broken} of its {len(champion_table)} predictions are not numbers", policy)], None
    tables = pair_tables(challenger_table, champion_table)
    differences = compare_tables(*tables, classes, policy.draws, policy.seed)
    minority = challenger.minority
    f1 = differences[minority].f1
    checks = [
        check_better(f1, minority, challenger.patients, policy),
        *check_recalls(differences, policy),
        *check_subgroups(*tables, classes, minority, policy),
    ]
    return checks, f1


def _cannot_compare(reason: str, policy: GatePolicy) -> Check:
    as_first = policy.incompatible_champion == "as_first"
    advice = (
        "By policy the challenger is judged as the first one: floors, skill, calibration and probes decide."
        if as_first
        else "Train with the champion's classes, begin a new store for a new question, or set the policy's "
        "incompatible_champion to as_first."
    )
    sentence = f"The champion cannot be compared: {reason}. {advice}"
    return Check(name="comparable", passed=as_first, sentence=sentence)


def _waive(check: Check, policy: GatePolicy) -> Check:
    """A failed check with the reason for which the policy lets it be, where it has one."""
    return check if check.passed else check.model_copy(update={"waiver": policy.waivers.get(check.name)})


def _find_detectable(
    challenger: EvaluationOutcome, table: pd.DataFrame, difference: Difference | None, policy: GatePolicy
) -> float | None:
    """From the comparison that was made, else from one with a model as good that errs independently."""
    if difference is not None and difference.error > 0:
        error, freedom = difference.error, difference.freedom
    else:
        error, freedom = foreseen_error(table, _labels(challenger), challenger.minority, policy.draws, policy.seed)
    return detectable_difference(error, freedom, policy.confidence, policy.margin)


def _labels(evaluation: EvaluationOutcome) -> tuple[str, ...]:
    return tuple(score.label for score in evaluation.classes)
