"""The gate: a table of cases, each with the check that decides it."""

import numpy as np
import pandas as pd
import pytest

from xray_model.config import GatePolicy
from xray_model.errors import InvalidInput
from xray_model.evaluation.gate import decide
from xray_model.evaluation.metrics import evaluate_table
from xray_model.outcomes import Decision, EvaluationOutcome

CLASSES = ("covid", "normal")
POLICY = GatePolicy(minority="normal", floor=0.6, confidence=0.9, minimum_patients=10, draws=1000)


def scored(normal_right: int, covid_right: int, *, normal: int = 60, covid: int = 200) -> pd.DataFrame:
    """A prediction table with this many normal and covid images, of which so many are right; a patient each."""
    labels = ["normal"] * normal + ["covid"] * covid
    right = [place < normal_right for place in range(normal)] + [place < covid_right for place in range(covid)]
    other = {"normal": "covid", "covid": "normal"}
    predicted = [label if good else other[label] for label, good in zip(labels, right, strict=True)]
    return pd.DataFrame(
        {
            "image_id": [f"i{place}" for place in range(len(labels))],
            "patient_id": [f"p{place}" for place in range(len(labels))],
            "label": labels,
            "predicted": predicted,
            **{f"p_{name}": [0.9 if called == name else 0.1 for called in predicted] for name in CLASSES},
        }
    )


def figures(table: pd.DataFrame, model: str) -> EvaluationOutcome:
    """All figures of a table."""
    return evaluate_table(
        table,
        CLASSES,
        model=model,
        snapshot_id="s",
        split="test",
        minority="normal",
        predictions_key=model,
        draws=200,
        seed=0,
    )


def judged(challenger: pd.DataFrame, champion: pd.DataFrame | None, policy: GatePolicy = POLICY) -> Decision:
    """The gate's decision."""
    return decide(
        figures(challenger, "challenger"),
        challenger,
        None if champion is None else figures(champion, "champion"),
        champion,
        policy,
        None if champion is None else CLASSES,
    )


CASES = {
    "clearly better": (scored(57, 196), scored(42, 190), True, set()),
    "clearly worse": (scored(40, 190), scored(57, 196), False, {"better", "recall-normal"}),
    "the same model again": (scored(50, 190), scored(50, 190), False, {"better"}),
    "one image better": (scored(51, 190), scored(50, 190), False, {"better"}),
    "better F1 by giving up covid": (scored(60, 182), scored(30, 198), False, {"recall-covid"}),
    "first model above the floor": (scored(50, 190), None, True, set()),
    "first model below the floor": (scored(20, 190), None, False, {"floor"}),
    "better than the champion, below the floor": (scored(25, 195), scored(5, 195), False, {"floor"}),
    "too few minority patients": (scored(8, 196, normal=8), scored(2, 190, normal=8), False, {"evidence"}),
    "minority class never found": (scored(0, 200), None, False, {"floor"}),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: str) -> None:
    """Each case is decided as a hospital would expect, by exactly the checks named."""
    challenger, champion, promote, failing = CASES[case]
    decision = judged(challenger, champion)
    assert decision.promote is promote
    assert {check.name for check in decision.checks if not check.passed} == failing
    assert decision.reasons


def test_margin_lets_an_equal_model_in() -> None:
    """A policy with a margin promotes what is no worse, for instance the same quality on newer data."""
    policy = POLICY.model_copy(update={"margin": 0.02})
    assert judged(scored(50, 190), scored(50, 190), policy).promote


def test_other_classes_are_not_compared() -> None:
    """A champion that tells other classes apart is neither beaten nor ignored: the sentence says what to do."""
    table = scored(57, 196)
    decision = decide(figures(table, "challenger"), table, None, None, POLICY, ("covid", "normal", "pneumonia"))
    assert not decision.promote
    assert "cannot be compared" in " ".join(decision.reasons)


def test_different_images_are_refused() -> None:
    """Champion and challenger must have seen the same test images."""
    challenger, champion = scored(50, 190), scored(50, 190).assign(image_id=lambda rows: "x" + rows["image_id"])
    with pytest.raises(InvalidInput, match="different images"):
        judged(challenger, champion)


def test_equal_models_are_rarely_promoted() -> None:
    """Two models of one quality: noise alone promotes the challenger no more often than the policy allows."""
    rng = np.random.default_rng(7)

    def noisy() -> pd.DataFrame:
        table = scored(60, 200)
        wrong = rng.random(len(table)) < 0.15
        swapped = table["predicted"].map({"normal": "covid", "covid": "normal"})
        return table.assign(predicted=np.where(wrong, swapped, table["predicted"]))

    policy = POLICY.model_copy(update={"draws": 300})
    promoted = [judged(noisy(), noisy(), policy).promote for _ in range(200)]
    assert np.mean(promoted) <= 1 - POLICY.confidence + 0.03


def test_decision_is_repeatable() -> None:
    """The same tables and policy give the same decision, to the last digit."""
    assert judged(scored(55, 195), scored(48, 190)) == judged(scored(55, 195), scored(48, 190))
