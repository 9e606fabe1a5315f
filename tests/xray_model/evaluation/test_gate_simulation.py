"""What the gate makes of thousands of pairs of models whose true F1 is known."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from scipy.stats import binom

from bench.gate_simulation import (
    CLASSES,
    EQUAL_PAIRS,
    EqualPair,
    Population,
    compare_pair,
    draw_pairs,
    is_promoted,
    make_skill,
    make_table,
    with_evidence,
)
from xray_model.config import GatePolicy
from xray_model.evaluation.champion_checks import check_subgroups
from xray_model.evaluation.gate import decide
from xray_model.evaluation.metrics import evaluate_table
from xray_model.evaluation.power import POWER, detectable_difference
from xray_model.outcomes import ProbeResult

POLICY = GatePolicy(floor=0.0, recall_floor=0.0, recall_allowance=1.0, calibration_error=1.0, draws=300)
"""Of which the comparison alone decides."""
LEAST = POLICY.minimum_patients
RARE = 1e-3
PASSED = ProbeResult(name="lungs-hidden", value=0.0, bound=0.5, passed=True, sentence="Nothing is left.")


def check_false_promotions(sizes: Sequence[int], shares: Sequence[float], pairs: int) -> None:
    """At every size and share, no more equal challengers are promoted than the policy allows and chance explains."""
    for size in sizes:
        for share in shares:
            promoted = [
                is_promoted(pair, POLICY)
                for seed, kind in enumerate(EQUAL_PAIRS)
                for pair in with_evidence(kind.draw(share, size, pairs, seed), POLICY)
            ]
            limit = binom.isf(RARE, len(promoted), 1 - POLICY.confidence) / len(promoted)
            assert np.mean(promoted) <= limit, (size, share)


def test_equal_challengers_are_not_promoted() -> None:
    """With equal true F1 at most 5 % are promoted, from the fewest patients that the policy accepts."""
    check_false_promotions((LEAST, 3 * LEAST), (0.1, 0.4), 150)


@pytest.mark.slow
def test_equal_challengers_are_not_promoted_on_any_test_set() -> None:
    """Likewise over more sizes and shares, with thousands of pairs of each."""
    check_false_promotions((LEAST, 3 * LEAST, 10 * LEAST), (0.1, 0.5), 500)


@pytest.mark.parametrize("kind", EQUAL_PAIRS, ids=lambda kind: kind.name)
def test_pairs_are_as_good_as_they_are_said_to_be(kind: EqualPair) -> None:
    """On a large test set both models have the F1 that makes them equal."""
    pair = next(kind.draw(0.3, 10_000, 1, seed=1))
    difference = compare_pair(pair, POLICY.model_copy(update={"draws": 100}))
    assert difference.champion == pytest.approx(kind.f1, abs=0.02)
    assert difference.challenger == pytest.approx(difference.champion, abs=0.02)


def test_better_challengers_are_promoted() -> None:
    """A true gain of .10 in F1 is seen on most test sets of 50 minority patients."""
    champion, challenger = (make_skill(f1, f1, 0.3) for f1 in (0.75, 0.85))
    pairs = draw_pairs(Population(0.3, 50), champion, challenger, 150, seed=2)
    assert np.mean([is_promoted(pair, POLICY) for pair in pairs]) >= 0.8


def test_detectable_difference_is_detected_as_often_as_said() -> None:
    """Challengers better by what the test set is said to detect are promoted in about four of five cases."""
    share, patients, champion_f1 = 0.3, 60, 0.75
    champion = make_skill(champion_f1, champion_f1, share)

    def compared(f1: float, pairs: int, seed: int) -> list[tuple[bool, float]]:
        found = []
        for pair in draw_pairs(Population(share, patients), champion, make_skill(f1, f1, share), pairs, seed):
            difference = compare_pair(pair, POLICY)
            smallest = detectable_difference(difference.error, difference.freedom, POLICY.confidence)
            assert smallest is not None
            found.append((difference.chance_above(0) >= POLICY.confidence, smallest))
        return found

    foreseen = float(np.mean([smallest for _, smallest in compared(champion_f1 + 0.07, 60, seed=3)]))
    assert 0.04 < foreseen < 0.12
    shown = np.mean([promoted for promoted, _ in compared(champion_f1 + foreseen, 400, seed=4)])
    assert shown == pytest.approx(POWER, abs=0.08)


@pytest.mark.parametrize(("harm", "least", "most"), [(0.0, 0.0, 0.1), (0.25, 0.7, 1.0)], ids=["honest", "harmful"])
def test_subgroups_refuse_harm_and_not_chance(harm: float, least: float, most: float) -> None:
    """Of better challengers few are refused for a subgroup by chance, most where one loses a quarter of its recall."""
    rng = np.random.default_rng(7)
    champion, challenger = make_skill(0.8, 0.8, 0.4), make_skill(0.85, 0.83, 0.4)
    refused = []
    for counts in draw_pairs(Population(0.4, 80), champion, challenger, 20, seed=8):
        after, before = (make_table(own) for own in counts)
        patients = after["patient_id"].unique()
        for column, values in (("view", 2), ("sex", 2), ("source", 3)):
            of_patient = dict(zip(patients, rng.integers(values, size=len(patients)).astype(str), strict=True))
            after[column] = after["patient_id"].map(of_patient)
        lost = (after["view"] == "0") & (after["label"] == CLASSES[0]) & (rng.random(len(after)) < harm)
        after.loc[lost, "predicted"] = CLASSES[1]
        refused.append(any(not check.passed for check in check_subgroups(after, before, CLASSES, CLASSES[0], POLICY)))
    assert least <= np.mean(refused) <= most


def test_gate_decides_as_in_the_simulation() -> None:
    """Put before the gate as prediction tables, the same pairs are promoted, and no others."""
    better = draw_pairs(Population(0.3, 20), make_skill(0.7, 0.7, 0.3), make_skill(0.85, 0.85, 0.3), 10, seed=5)
    promoted = []
    for pair in with_evidence(chain(EQUAL_PAIRS[0].draw(0.3, 20, 10, seed=6), better), POLICY):
        tables = [make_table(counts) for counts in pair]
        outcomes = [
            evaluate_table(
                table,
                CLASSES,
                model="m",
                snapshot_id="s",
                split="test",
                minority=CLASSES[0],
                predictions_key="k",
                draws=100,
                seed=0,
            ).model_copy(update={"probes": (PASSED,)})
            for table in tables
        ]
        decision = decide(outcomes[0], tables[0], outcomes[1], tables[1], POLICY, CLASSES)
        assert decision.promote is is_promoted(pair, POLICY)
        promoted.append(decision.promote)
    assert {True, False} == set(promoted)
