"""What the gate asks of a challenger beside the champion, both scored on the same images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from xray_model.config import GatePolicy
from xray_model.evaluation.comparison import ClassDifference, Difference, compare_groups
from xray_model.evaluation.subgroups import Subgroup, find_subgroups
from xray_model.outcomes import Check, format_fraction

SURE_OF_HARM = 0.8
"""P(fall > allowance) from which a subgroup is harmed.

A plain comparison refuses too many: in simulation with 18 to 44 of them, of challengers that are better on the minority
class and equal elsewhere, 28 to 32 % were refused where any fall above the allowance of .10 counted, and 3 to 7 % so.
Where one group truly lost .15 of every recall, 57 % were refused on 150 test patients and 88 % on 300; where it lost
.25, 98 % and all.
"""
_ROUNDING = 1e-9


def check_better(difference: Difference, minority: str, patients: int, policy: GatePolicy) -> Check:
    """Whether minority F1 is really above the champion's, or no more than the margin below it.

    Args:
        difference: of minority F1.
        minority: the class.
        patients: of the test split.
        policy: margin and confidence.
    """
    probability = difference.chance_above(-policy.margin)
    claim = "it is better" if policy.margin == 0 else f"it is no worse than {format_fraction(policy.margin)} below"
    return Check(
        name="better",
        passed=probability >= policy.confidence,
        sentence=f"F1 of {minority} is {format_fraction(difference.challenger)} against the champion's "
        f"{format_fraction(difference.champion)} on the same {patients} test patients: {claim} with a probability of "
        f"{probability:.1%}, {policy.confidence:.1%} is needed.",
    )


def check_recalls(differences: Mapping[str, ClassDifference], policy: GatePolicy) -> list[Check]:
    """Whether no class's recall falls by more than its allowance, whatever chance has to do with it."""
    checks = []
    for name, difference in differences.items():
        recall = difference.recall
        passed = -recall.value <= policy.recall_allowance + _ROUNDING
        checks.append(
            Check(
                name=f"recall-{name}",
                passed=passed,
                sentence=f"Recall of {name} goes from {format_fraction(recall.champion)} "
                f"to {format_fraction(recall.challenger)}"
                + ("." if passed else f": it may fall by {format_fraction(policy.recall_allowance)} at most."),
            )
        )
    return checks


@dataclass(frozen=True, slots=True)
class _Figure:
    """One figure of one class of a subgroup, which enough patients have."""

    label: str
    name: str
    patients: int
    difference: Difference


def check_subgroups(
    challenger: pd.DataFrame, champion: pd.DataFrame, classes: Sequence[str], minority: str, policy: GatePolicy
) -> list[Check]:
    """Whether minority F1 and each class's recall hold in every subgroup: a check of all, and one of each harmed.

    Args:
        challenger: predictions, with the columns that subgroups are made of.
        champion: likewise; `pair_tables` gave both.
        classes: what both models tell apart.
        minority: the class that decides.
        policy: allowance, and the patients of a class below which nothing is said of it in a subgroup.
    """
    groups = find_subgroups(challenger)
    places = [group.images for group in groups]
    compared = compare_groups(challenger, champion, places, classes, policy.draws, policy.seed)
    harmed, judged, silent = [], 0, 0
    for group, differences in zip(groups, compared, strict=True):
        figures = list(_judge(differences, minority, policy))
        judged += bool(figures)
        silent += minority not in {figure.label for figure in figures}
        falls = [
            figure
            for figure in figures
            if figure.difference.chance_above(-policy.subgroup_allowance) <= 1 - SURE_OF_HARM
        ]
        if falls:
            harmed.append(_harm(group, falls, policy))
    if not judged:
        sentence = f"No subgroup has {policy.subgroup_patients} test patients of a class: nothing is said of any."
    else:
        sentence = (
            f"Of {judged} subgroups with at least {policy.subgroup_patients} test patients of a class, "
            f"{len(harmed) or 'none'} clearly lost more than {format_fraction(policy.subgroup_allowance)} in F1 of "
            f"{minority} or in a recall."
            + (f" Too few patients have {minority} in {silent} of all {len(groups)}." if silent else "")
        )
    return [Check(name="subgroups", passed=True, sentence=sentence), *harmed]


def _judge(differences: Mapping[str, ClassDifference], minority: str, policy: GatePolicy) -> Iterator[_Figure]:
    """The figures of the classes that enough patients of the subgroup have."""
    for name, found in differences.items():
        if found.patients < policy.subgroup_patients:
            continue
        yield _Figure(name, f"recall of {name}", found.patients, found.recall)
        if name == minority:
            yield _Figure(name, f"F1 of {name}", found.patients, found.f1)


def _harm(group: Subgroup, falls: Sequence[_Figure], policy: GatePolicy) -> Check:
    told = " and ".join(
        f"{fall.name} from {format_fraction(fall.difference.champion)} "
        f"to {format_fraction(fall.difference.challenger)} ({fall.patients} patients)"
        for fall in falls
    )
    return Check(
        name=f"subgroup-{group.column}={group.value}",
        passed=False,
        sentence=f"In {group.column}={group.value} the challenger falls in {told}: "
        f"with a probability of {SURE_OF_HARM:.0%} or more by more than the "
        f"{format_fraction(policy.subgroup_allowance)} allowed.",
    )
