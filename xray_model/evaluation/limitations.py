"""What a model card must warn of, found in the outcome itself and in the prediction table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from xray_model.evaluation.decision import MINIMUM_PATIENTS
from xray_model.outcomes import (
    Decision,
    EvaluationOutcome,
    RetrainOutcome,
    SubgroupScore,
    TrainingOutcome,
    format_fraction,
)

_FEW_PATIENTS = MINIMUM_PATIENTS
"""Test patients of a class below which its figures are rough."""
_LOW_RECALL = 0.8
_CALIBRATION_ERROR = 0.05
_DETECTABLE = 0.1
_MISSING_SHARE = 0.2
_NAMED = 4
_METADATA = ("view", "sex", "age", "manufacturer")


def find_limitations(
    retrain: RetrainOutcome,
    table: pd.DataFrame | None = None,
    sources: Mapping[str, Mapping[str, int]] | None = None,
) -> tuple[str, ...]:
    """What limits the model that a night trained, the gravest first; each a sentence.

    Args:
        retrain: the night's training with its figures.
        table: the challenger's prediction table, for what is not known of its images.
        sources: images it was trained on by source, then by class.
    """
    decision = retrain.promotion.decision if retrain.promotion else None
    found: list[str] = []
    if retrain.challenger:
        found += _probes(retrain.challenger, decision)
    if decision:
        found += _waivers(decision, retrain.challenger)
    found += _sources(sources or {})
    if retrain.challenger:
        found += _evidence(retrain.challenger, decision)
        found += _scores(retrain.challenger)
        found += _subgroups(retrain.challenger.subgroups)
    if table is not None:
        found += _metadata(table)
    if retrain.training:
        found += _weights(retrain.training)
    return tuple(found)


def _probes(challenger: EvaluationOutcome, decision: Decision | None) -> list[str]:
    if not challenger.probes:
        return ["Whether it goes by something else than the lungs was not probed."]
    waived = {check.name: check.waiver for check in decision.checks} if decision else {}
    found = []
    for probe in challenger.probes:
        if not probe.passed:
            reason = waived.get(probe.name)
            found.append(
                f"{probe.sentence} This is beyond its bound" + ("." if reason is None else f"; waived: {reason}")
            )
    found += [probe.sentence for probe in challenger.probes if probe.value is None]
    return found


def _waivers(decision: Decision, challenger: EvaluationOutcome | None) -> list[str]:
    told = {probe.name for probe in challenger.probes} if challenger else set()
    return [
        f"{check.sentence} This was waived: {check.waiver}"
        for check in decision.checks
        if check.waiver is not None and not check.passed and check.name not in told
    ]


def _sources(sources: Mapping[str, Mapping[str, int]]) -> list[str]:
    filled = {source: counts for source, counts in sources.items() if sum(counts.values())}
    if len(filled) == 1:
        (source,) = filled
        return [f"All its training images come from one source, {source}: nothing is known of any other."]
    found = []
    for label in sorted({label for counts in filled.values() for label in counts}):
        holding = [source for source, counts in filled.items() if counts.get(label)]
        if len(holding) == 1:
            found.append(
                f"Every training image of {label} comes from {holding[0]}: what it calls {label} may be that source."
            )
    return found


def _evidence(challenger: EvaluationOutcome, decision: Decision | None) -> list[str]:
    found = [
        f"Only {score.patients} test patients have {score.label}: its F1 of {score.f1} is rough."
        for score in challenger.classes
        if score.patients < _FEW_PATIENTS
    ]
    if decision and decision.detectable is not None and decision.detectable > _DETECTABLE:
        found.append(
            f"A difference in F1 of {decision.minority} below {format_fraction(decision.detectable)} would mostly go "
            "unnoticed on this test set."
        )
    return found


def _scores(challenger: EvaluationOutcome) -> list[str]:
    found = [
        f"It misses {100 * (1 - score.recall.value):.0f} % of the {score.label} images: recall {score.recall}."
        for score in challenger.classes
        if score.recall.value < _LOW_RECALL
    ]
    if challenger.calibration is None:
        found.append("Whether its probabilities mean what they say was not measured.")
    elif challenger.calibration.error.value > _CALIBRATION_ERROR:
        found.append(
            f"Its probabilities are off by {format_fraction(challenger.calibration.error.value)} on average: do "
            "not read them as chances."
        )
    return found


def _subgroups(subgroups: Sequence[SubgroupScore]) -> list[str]:
    if not subgroups:
        return ["How it does on women and men, by age, view and scanner was not measured."]
    small = [group.name for group in subgroups if group.too_small]
    return [f"There are too few patients to say anything of {_list(small)}."] if small else []


def _metadata(table: pd.DataFrame) -> list[str]:
    missing = table[[column for column in _METADATA if column in table]].isna().mean()
    named = [f"{column} {{}}for {100 * share:.0f} %" for column, share in missing.items() if share > _MISSING_SHARE]
    if not named:
        return []
    said = " and ".join(part.format("is unknown " if place == 0 else "") for place, part in enumerate(named))
    return [f"Of the test images, {said}."]


def _weights(training: TrainingOutcome) -> list[str]:
    if training.weights_sha256 is not None or not training.weights.startswith("random"):
        return []
    images = sum(training.counts_before.values())
    if "none loaded" in training.weights:
        return ["Its frozen part has random weights, which have learned from no image."]
    return [f"It has seen no images but these {images:,}: its weights were random at the start."]


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
