"""The gate: a table of cases, each with the checks that decide it."""

import pytest

from tests.xray_model.evaluation.gate_cases import (
    BETTER,
    CASES,
    GOOD,
    POLICY,
    WHY,
    Case,
    broken,
    figures,
    judged,
    scored,
)
from xray_model.errors import InvalidInput
from xray_model.evaluation.gate import decide
from xray_model.outcomes import Check, Decision, Interval


def check_named(decision: Decision, name: str) -> Check:
    """The check of that name."""
    return next(check for check in decision.checks if check.name == name)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """Each case is decided as a hospital would expect, by exactly the checks named, with a reason."""
    case = CASES[name]
    decision = judged(case)
    assert {check.name for check in decision.checks if not check.holds} == case.failing
    assert {check.name: check.waiver for check in decision.checks if check.waiver} == dict.fromkeys(case.waived, WHY)
    assert decision.promote is (not case.failing)
    assert decision.reasons
    assert len({check.name for check in decision.checks}) == len(decision.checks)
    assert decision.requires_approval is case.policy.get("require_approval", False)
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


def test_figures_that_are_no_numbers_promote_nothing() -> None:
    """An evaluation that came to NaN is refused, and the decision can still be kept."""
    outcome = figures(BETTER)
    nothing = Interval(value=float("nan"), low=float("nan"), high=float("nan"))
    scores = tuple(score.model_copy(update={"f1": nothing}) for score in outcome.classes)
    decision = decide(outcome.model_copy(update={"classes": scores}), BETTER, None, None, POLICY)
    assert not decision.promote
    assert "not numbers" in decision.reasons[0]
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


def test_decision_keeps_what_it_was_computed_with() -> None:
    """Margin, draws and seed of the comparison stand in the decision, so that it can be recomputed."""
    for challenger in (BETTER, broken(scored(57, 196))):
        decision = judged(Case(challenger, GOOD, policy={"margin": 0.02, "draws": 300, "seed": 7}))
        assert (decision.margin, decision.draws, decision.seed) == (0.02, 300, 7)


def test_guess_is_named_a_guess() -> None:
    """A model that calls everything the class is told what that is worth."""
    skill = check_named(judged(CASES["first model that is constant"]), "skill").sentence
    assert "Calling every image normal has an F1 of .67, this model .67" in skill
    assert "It knows no more than a guess." in skill


def test_chance_is_named_in_calibration() -> None:
    """The sentence says how much of the error chance makes, and of how many images."""
    said = check_named(judged(CASES["miscalibrated"]), "calibration").sentence
    assert "off by .18 on average" in said
    assert "of which .02 is what chance makes of 260 images; .15 may be beyond that" in said


def test_sentences_hold_the_figures() -> None:
    """A reader finds in the sentences what decided: both models' F1, how sure, and on how many patients."""
    decision = judged(CASES["clearly better"])
    better = check_named(decision, "better").sentence
    assert "F1 of normal is .94 against the champion's .75 on the same 260 test patients" in better
    assert "95.0% is needed" in better
    assert decision.probability_better is not None
    assert decision.probability_better > 0.95
    harm = check_named(judged(CASES["women are harmed"]), "subgroup-sex=F").sentence
    assert "recall of normal from .93 to .67 (30 patients)" in harm
    too_few = check_named(judged(CASES["women are too few to be harmed"]), "subgroups").sentence
    assert "Too few patients have normal in 1 of all 2" in too_few


def test_incomparable_champion_is_named() -> None:
    """The sentence says what the champion tells apart, and what can be done."""
    decision = judged(CASES["champion of other classes"])
    assert "covid, normal, pneumonia" in decision.reasons[0]
    assert "as_first" in decision.reasons[0]
    assert decision.champion_f1 is None


def test_different_images_are_refused() -> None:
    """Champion and challenger must have seen the same test images."""
    with pytest.raises(InvalidInput, match="different images"):
        judged(Case(BETTER, GOOD.assign(image_id=lambda rows: "x" + rows["image_id"])))


def test_different_labels_are_refused() -> None:
    """An image that was relabelled between the two scorings cannot be compared."""
    with pytest.raises(InvalidInput, match="different labels"):
        judged(Case(BETTER, GOOD.assign(label=lambda rows: rows["label"].to_numpy()[::-1])))


def test_order_of_rows_means_nothing() -> None:
    """Tables are paired by image, in whatever order they were stored."""
    assert judged(Case(BETTER.sample(frac=1, random_state=1), GOOD)) == judged(Case(BETTER, GOOD))


def test_decision_is_repeatable() -> None:
    """The same tables and policy give the same decision, to the last digit."""
    assert judged(CASES["clearly better"]) == judged(CASES["clearly better"])
