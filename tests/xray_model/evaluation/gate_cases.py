"""Evaluations that the gate decides on, made to a figure, and what must come of each."""

from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pandas as pd

from xray_model.config import GatePolicy
from xray_model.evaluation.confusion import class_figures, patient_confusions
from xray_model.evaluation.gate import decide
from xray_model.outcomes import Calibration, ClassScore, Decision, EvaluationOutcome, Interval, ProbeName, ProbeResult

CLASSES = ("covid", "normal")
MORE_CLASSES = ("covid", "normal", "pneumonia")
POLICY = GatePolicy(minority="normal", draws=500)
OTHER = {"normal": "covid", "covid": "normal"}


def scored(normal_right: int, covid_right: int, *, normal: int = 60, covid: int = 200, **columns: Any) -> pd.DataFrame:
    """A prediction table with this many normal and covid images, of which so many are right; a patient each."""
    labels = ["normal"] * normal + ["covid"] * covid
    right = [place < normal_right for place in range(normal)] + [place < covid_right for place in range(covid)]
    predicted = [label if good else OTHER[label] for label, good in zip(labels, right, strict=True)]
    table = pd.DataFrame(
        {
            "image_id": [f"i{place}" for place in range(len(labels))],
            "patient_id": [f"p{place}" for place in range(len(labels))],
            "label": labels,
            "predicted": predicted,
        }
    )
    for name in CLASSES:
        table[f"p_{name}"] = np.where(table["predicted"] == name, np.float32(0.9), np.float32(0.1))
    return table.assign(**columns)


def by_sex(women_right: int, men_right: int, *, women: int = 30, other: str | None = "F") -> pd.DataFrame:
    """60 normal images, so many of them women's, of which so many of women and men are right; covid is all right."""
    right = [place < women_right for place in range(women)] + [place < men_right for place in range(60 - women)]
    table = scored(0, 200, sex=[other] * women + ["M"] * (60 - women) + [other, "M"] * 100)
    called = [*("normal" if good else "covid" for good in right), *["covid"] * 200]
    return table.assign(predicted=called)


def broken(table: pd.DataFrame, value: float = float("nan")) -> pd.DataFrame:
    """The table with one probability that is not a number."""
    table.loc[5, "p_covid"] = value
    return table


def figures(table: pd.DataFrame, **more: Any) -> EvaluationOutcome:
    """What was measured of a table."""
    counts = patient_confusions(table, CLASSES)
    measured = class_figures(counts.sum(axis=0))
    found = [[Interval(value=value, low=value, high=value) for value in figure] for figure in measured]
    scores = tuple(
        ClassScore(
            label=name,
            precision=found[0][place],
            recall=found[1][place],
            f1=found[2][place],
            images=int((table["label"] == name).sum()),
            patients=int(table.loc[table["label"] == name, "patient_id"].nunique()),
        )
        for place, name in enumerate(CLASSES)
    )
    outcome = EvaluationOutcome(
        model="m",
        snapshot_id="s",
        split="test",
        classes=scores,
        confusion=tuple(tuple(int(cell) for cell in row) for row in counts.sum(axis=0)),
        macro_f1=found[2][0],
        minority="normal",
        images=len(table),
        patients=len(counts),
        predictions_key="k",
    )
    return outcome.model_copy(update=calibrated(0.05) | probed() | more)


def calibrated(beyond: float) -> dict[str, Any]:
    """A calibration error that is so much larger than what chance makes."""
    error = Interval(value=beyond + 0.02, low=beyond - 0.05, high=beyond + 0.1)
    return {"calibration": Calibration(error=error, chance=0.02, bins=())}


def probed(*failing: ProbeName) -> dict[str, Any]:
    """All probes, of which these failed."""
    return {
        "probes": tuple(
            ProbeResult(name=name, value=0.5, bound=0.5, passed=name not in failing, sentence=f"{name} says.")
            for name in get_args(ProbeName)
        )
    }


@dataclass(frozen=True)
class Case:
    """What comes before the gate, and the checks that must not hold; promoted where there are none."""

    challenger: pd.DataFrame
    champion: pd.DataFrame | None = None
    failing: frozenset[str] = frozenset()
    waived: frozenset[str] = frozenset()
    policy: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    champion_classes: tuple[str, ...] | None = CLASSES


BETTER, GOOD = scored(57, 196), scored(42, 190)
BELOW_FLOOR = scored(31, 180)
WHY = "seen by Stella"
AS_FIRST = {"incompatible_champion": "as_first"}
SMALL = {"normal": 8}

CASES = {
    "clearly better": Case(BETTER, GOOD),
    "clearly worse": Case(GOOD, BETTER, frozenset({"better", "recall-normal"})),
    "the same model again": Case(GOOD, GOOD, frozenset({"better"})),
    "one image better": Case(scored(43, 190), GOOD, frozenset({"better"})),
    "better by chance": Case(scored(45, 191), GOOD, frozenset({"better"}), policy={"confidence": 0.99}),
    "the same model, with a margin": Case(GOOD, GOOD, policy={"margin": 0.02}),
    "one image worse, with a margin": Case(scored(41, 190), GOOD, policy={"margin": 0.05}),
    "worse than the margin": Case(scored(39, 190), GOOD, frozenset({"better"}), policy={"margin": 0.02}),
    "better F1 by giving up covid": Case(scored(60, 182), scored(30, 198), frozenset({"recall-covid"})),
    "better, covid gives as much as it may": Case(scored(60, 190), scored(30, 200)),
    "better, covid may give nothing": Case(
        scored(60, 190), scored(30, 200), frozenset({"recall-covid"}), policy={"recall_allowance": 0.0}
    ),
    "one class collapses": Case(
        scored(0, 200), GOOD, frozenset({"floor", "floor-normal", "skill", "better", "recall-normal"})
    ),
    "the other class collapses": Case(
        scored(60, 0), GOOD, frozenset({"floor", "floor-covid", "skill", "better", "recall-covid"})
    ),
    "better than the champion, below the floor": Case(BELOW_FLOOR, scored(5, 180), frozenset({"floor"})),
    "recall falls a little, below its floor": Case(
        scored(59, 98), scored(29, 104), frozenset({"floor-covid"}), policy={"floor": 0.3}
    ),
    "first model that misses half of a class": Case(scored(30, 198), policy={"floor": 0.5}, champion_classes=None),
    "first model that misses more than half of a class": Case(
        scored(29, 198), failing=frozenset({"floor-normal"}), policy={"floor": 0.5}, champion_classes=None
    ),
    "first model that is constant": Case(
        scored(60, 0, covid=60), failing=frozenset({"floor-covid", "skill"}), champion_classes=None
    ),
    "first model that is constant, where every recall will do": Case(
        scored(60, 0, covid=60), failing=frozenset({"skill"}), policy={"recall_floor": 0.0}, champion_classes=None
    ),
    "first model hardly better than a guess": Case(
        scored(59, 4, covid=60), failing=frozenset({"skill"}), policy={"recall_floor": 0.0}, champion_classes=None
    ),
    "first model that is constant, in a trial": Case(
        scored(60, 0, covid=60), policy={"recall_floor": 0.0, "skill_confidence": 0.0}, champion_classes=None
    ),
    "too few minority patients": Case(scored(8, 196, **SMALL), scored(2, 190, **SMALL), frozenset({"evidence"})),
    "just enough minority patients": Case(scored(10, 200, normal=10), scored(3, 200, normal=10)),
    "many images of few patients": Case(
        BETTER.assign(patient_id=[f"p{place % 8}" for place in range(260)]),
        GOOD.assign(patient_id=[f"p{place % 8}" for place in range(260)]),
        frozenset({"evidence"}),
    ),
    "first model": Case(GOOD, champion_classes=None),
    "first model below the floor": Case(BELOW_FLOOR, failing=frozenset({"floor"}), champion_classes=None),
    "first model that no test can judge": Case(
        scored(8, 196, **SMALL), failing=frozenset({"evidence"}), champion_classes=None
    ),
    "champion of other classes": Case(BETTER, failing=frozenset({"comparable"}), champion_classes=MORE_CLASSES),
    "champion of other classes, judged as the first": Case(BETTER, policy=AS_FIRST, champion_classes=MORE_CLASSES),
    "champion of other classes, below the floor": Case(
        BELOW_FLOOR, failing=frozenset({"floor"}), policy=AS_FIRST, champion_classes=MORE_CLASSES
    ),
    "champion that cannot be scored": Case(BETTER, failing=frozenset({"comparable"})),
    "champion that cannot be scored, judged as the first": Case(BETTER, policy=AS_FIRST),
    "champion that says NaN": Case(BETTER, broken(scored(42, 190)), frozenset({"comparable"})),
    "champion that says NaN, judged as the first": Case(BETTER, broken(scored(42, 190)), policy=AS_FIRST),
    "challenger that says NaN": Case(broken(scored(57, 196)), GOOD, frozenset({"finite"})),
    "challenger that says infinity": Case(broken(scored(57, 196), np.inf), GOOD, frozenset({"finite"})),
    "first model that says NaN": Case(
        broken(scored(57, 196)), failing=frozenset({"finite"}), policy=AS_FIRST, champion_classes=None
    ),
    "women are harmed": Case(by_sex(20, 30), by_sex(28, 8), frozenset({"subgroup-sex=F"})),
    "women are harmed, and that is waived": Case(
        by_sex(20, 30),
        by_sex(28, 8),
        waived=frozenset({"subgroup-sex=F"}),
        policy={"waivers": {"subgroup-sex=F": WHY}},
    ),
    "women are harmed, men are waived": Case(
        by_sex(20, 30),
        by_sex(28, 8),
        frozenset({"subgroup-sex=F"}),
        policy={"waivers": {"subgroup-sex=M": WHY}},
    ),
    "women fall by what chance may be": Case(by_sex(25, 30), by_sex(28, 8)),
    "women are too few to be harmed": Case(by_sex(11, 41, women=19), by_sex(18, 25, women=19)),
    "fewer women are enough": Case(
        by_sex(11, 41, women=19),
        by_sex(18, 25, women=19),
        frozenset({"subgroup-sex=F"}),
        policy={"subgroup_patients": 19},
    ),
    "those of unknown sex are harmed": Case(
        by_sex(20, 30, other=None), by_sex(28, 8, other=None), frozenset({"subgroup-sex=unknown"})
    ),
    "calibration": Case(BETTER, GOOD, measured=calibrated(0.15)),
    "miscalibrated": Case(BETTER, GOOD, frozenset({"calibration"}), measured=calibrated(0.16)),
    "first model, miscalibrated": Case(
        BETTER, failing=frozenset({"calibration"}), measured=calibrated(0.4), champion_classes=None
    ),
    "miscalibrated and waived": Case(
        BETTER,
        GOOD,
        waived=frozenset({"calibration"}),
        policy={"waivers": {"calibration": WHY}},
        measured=calibrated(0.4),
    ),
    "calibration that nobody measured": Case(BETTER, GOOD, frozenset({"calibration"}), measured={"calibration": None}),
    "probes that nobody ran": Case(BETTER, GOOD, frozenset({"probes"}), measured={"probes": ()}),
    "no shortcut": Case(BETTER, GOOD, measured=probed()),
    **{
        f"shortcut {name}": Case(BETTER, GOOD, frozenset({name}), measured=probed(name)) for name in get_args(ProbeName)
    },
    "first model with a shortcut": Case(
        BETTER, failing=frozenset({"lungs-hidden"}), measured=probed("lungs-hidden"), champion_classes=None
    ),
    "shortcut waived": Case(
        BETTER,
        GOOD,
        waived=frozenset({"lungs-hidden"}),
        policy={"waivers": {"lungs-hidden": WHY}},
        measured=probed("lungs-hidden"),
    ),
    "two shortcuts, one waived": Case(
        BETTER,
        GOOD,
        frozenset({"within-source"}),
        frozenset({"lungs-hidden"}),
        policy={"waivers": {"lungs-hidden": WHY}},
        measured=probed("lungs-hidden", "within-source"),
    ),
    "waiver that is not needed": Case(BETTER, GOOD, policy={"waivers": {"lungs-hidden": WHY}}, measured=probed()),
    "waiver of something else": Case(
        BELOW_FLOOR,
        failing=frozenset({"floor"}),
        waived=frozenset({"lungs-hidden"}),
        policy={"waivers": {"lungs-hidden": WHY}},
        measured=probed("lungs-hidden"),
        champion_classes=None,
    ),
    "waits for approval": Case(BETTER, GOOD, policy={"require_approval": True}),
}


def judged(case: Case) -> Decision:
    """The gate's decision."""
    policy = GatePolicy(**{**POLICY.model_dump(), **case.policy})
    champion = None if case.champion is None else figures(case.champion)
    challenger = figures(case.challenger, **case.measured)
    return decide(challenger, case.challenger, champion, case.champion, policy, case.champion_classes)
