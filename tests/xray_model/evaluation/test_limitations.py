"""A table of cases: what of an outcome a model card warns of."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.xray_model.evaluation.evaluations import full_evaluation, full_training, interval, probed_table, subgroup
from xray_model.evaluation.limitations import find_limitations
from xray_model.outcomes import (
    Calibration,
    Check,
    Decision,
    EvaluationOutcome,
    ProbeResult,
    PromotionOutcome,
    RetrainOutcome,
)

BOTH = {"bimcv": {"covid": 40, "normal": 50, "pneumonia": 30}, "kaggle": {"covid": 9, "normal": 80, "pneumonia": 5}}
HIDDEN = ProbeResult(name="lungs-hidden", value=0.2, bound=0.75, passed=True, sentence="It would score .5.")
FLAWLESS_TABLE = probed_table(images=600).assign(sex="F", age=50.0)


def flawless_evaluation(**changes: Any) -> EvaluationOutcome:
    """Many patients, high recall, calibrated, probed, and every subgroup large."""
    whole = full_evaluation(FLAWLESS_TABLE)
    values = {
        "calibration": Calibration(error=interval(0.02, 0.01), bins=()),
        "subgroups": (subgroup("sex", "F", 0.8, 40),),
        "probes": (HIDDEN,),
    }
    return whole.model_copy(update=values | changes)


def flawless(decision: dict[str, Any] | None = None, training: dict[str, Any] | None = None) -> RetrainOutcome:
    """A promoted model that has nothing to warn of, but for the changes."""
    decided = Decision(
        promote=True,
        checks=(Check(name="floor", passed=True, sentence="F1 is high."),),
        minority="covid",
        minority_f1=interval(0.8),
        detectable=0.05,
    ).model_copy(update=decision or {})
    trained = full_training().model_copy(update=training or {})
    promotion = PromotionOutcome(decision=decided, challenger_version=7, champion_before=None, champion_after=7)
    return RetrainOutcome(
        trained=True, reasons=("New.",), training=trained, challenger=flawless_evaluation(), promotion=promotion
    )


def judged(**changes: Any) -> RetrainOutcome:
    """The flawless model with changes to its evaluation."""
    return flawless().model_copy(update={"challenger": flawless_evaluation(**changes)})


def with_class(label: str, **changes: Any) -> RetrainOutcome:
    """The flawless model with changes to the score of one class."""
    scores = flawless_evaluation().classes
    return judged(
        classes=tuple(score.model_copy(update=changes) if score.label == label else score for score in scores)
    )


def waived(name: str) -> dict[str, Any]:
    """A decision in which a check did not pass and was waived."""
    failed = Check(name=name, passed=False, sentence="Not so good.", waiver="known since May, ticket 12")
    return {"checks": (failed,)}


BROKEN = HIDDEN.model_copy(update={"passed": False})
UNMEASURED = HIDDEN.model_copy(update={"value": None, "sentence": "Not measured: only one source."})
SMALL = tuple(subgroup("manufacturer", name, 0.5, 3) for name in "ABCDEF")

CASES = [
    ("nothing", flawless, BOTH, FLAWLESS_TABLE, ()),
    (
        "a broken probe",
        lambda: judged(probes=(BROKEN,)),
        BOTH,
        None,
        ("It would score .5. This is beyond its bound.",),
    ),
    (
        "a broken probe that was waived",
        lambda: flawless(waived("lungs-hidden")).model_copy(
            update={"challenger": flawless_evaluation(probes=(BROKEN,))}
        ),
        BOTH,
        None,
        ("It would score .5. This is beyond its bound; waived: known since May, ticket 12",),
    ),
    (
        "a probe that could not be made",
        lambda: judged(probes=(UNMEASURED,)),
        BOTH,
        None,
        ("Not measured: only one source.",),
    ),
    ("no probe", lambda: judged(probes=()), BOTH, None, ("goes by something else than the lungs was not probed",)),
    (
        "a waived check",
        lambda: flawless(waived("subgroup-sex=F")),
        BOTH,
        None,
        ("Not so good. This was waived: known since May, ticket 12",),
    ),
    (
        "one source",
        flawless,
        {"kaggle": {"covid": 9, "normal": 80}, "bimcv": {"covid": 0}},
        None,
        ("from one source, kaggle",),
    ),
    (
        "a class of one source",
        flawless,
        {"bimcv": {"covid": 40, "normal": 50}, "kaggle": {"normal": 80}},
        None,
        ("Every training image of covid comes from bimcv: what it calls covid may be that source.",),
    ),
    (
        "few patients of a class",
        lambda: with_class("normal", patients=12),
        BOTH,
        None,
        ("Only 12 test patients have normal: its F1 of .85 (95 % interval .80 to .90) is rough.",),
    ),
    (
        "little power",
        lambda: flawless({"detectable": 0.14}),
        BOTH,
        None,
        ("A difference in F1 of covid below .14 would mostly go unnoticed",),
    ),
    (
        "a class it misses",
        lambda: with_class("pneumonia", recall=interval(0.64, 0.1)),
        BOTH,
        None,
        ("It misses 36 % of the pneumonia images: recall .64 (95 % interval .54 to .74).",),
    ),
    (
        "uncalibrated",
        lambda: judged(calibration=Calibration(error=interval(0.12, 0.02), bins=())),
        BOTH,
        None,
        ("Its probabilities are off by .12 on average",),
    ),
    ("calibration unknown", lambda: judged(calibration=None), BOTH, None, ("mean what they say was not measured",)),
    (
        "small subgroups",
        lambda: judged(subgroups=SMALL),
        BOTH,
        None,
        ("manufacturer=A, manufacturer=B, manufacturer=C, manufacturer=D and 2 more.",),
    ),
    ("no subgroups", lambda: judged(subgroups=()), BOTH, None, ("women and men, by age, view and scanner",)),
    (
        "metadata missing",
        flawless,
        BOTH,
        FLAWLESS_TABLE.assign(sex=FLAWLESS_TABLE["sex"].where(FLAWLESS_TABLE.index < 300), age=float("nan")),
        ("Of the test images, sex is unknown for 50 % and age for 100 %.",),
    ),
    (
        "trained from the start",
        lambda: flawless(training={"weights": "random, trained from the start", "weights_sha256": None}),
        BOTH,
        None,
        ("It has seen no images but these 214",),
    ),
    (
        "a frozen part that knows nothing",
        lambda: flawless(training={"weights": "random, none loaded", "weights_sha256": None}),
        BOTH,
        None,
        ("Its frozen part has random weights, which have learned from no image.",),
    ),
    ("a night without figures", lambda: RetrainOutcome(trained=False, reasons=("Nothing.",)), None, None, ()),
]


@pytest.mark.parametrize(
    ("build", "sources", "table", "expected"), [case[1:] for case in CASES], ids=[str(case[0]) for case in CASES]
)
def test_limitations(
    build: Callable[[], RetrainOutcome],
    sources: dict[str, dict[str, int]] | None,
    table: pd.DataFrame | None,
    expected: tuple[str, ...],
) -> None:
    """Each flaw is found, said in one place, and nothing else is."""
    found = find_limitations(build(), table, sources)
    assert len(found) == len(expected), found
    for sentence, part in zip(found, expected, strict=True):
        assert part in sentence


def test_the_gravest_stands_first() -> None:
    """Shortcuts come before thin evidence, and that before what is missing."""
    outcome = judged(probes=(BROKEN,), subgroups=SMALL)
    found = find_limitations(outcome, FLAWLESS_TABLE.assign(sex=None), {"kaggle": {"covid": 9}})
    assert [sentence.split()[0] for sentence in found] == ["It", "All", "There", "Of"]
