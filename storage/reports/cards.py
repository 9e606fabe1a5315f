"""What a model card shows beyond the outcome of a training, gathered once for the page and its Markdown copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.reports.examples import Example
from xray_model.outcomes import EvaluationOutcome, ProbeResult, RetrainOutcome, format_fraction

if TYPE_CHECKING:
    import pandas as pd

    from xray_model.evaluation.figures import Drawing


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Pictures, warnings and counts of one model."""

    drawings: tuple["Drawing", ...] = ()
    limitations: tuple[str, ...] = ()
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Training images by source, then by class; empty where that is not known."""
    examples: tuple[Example, ...] = ()
    power: str = ""
    """What the test set can show; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A probe with what the gate made of it."""

    probe: ProbeResult
    waiver: str | None

    @property
    def state(self) -> str:
        """`not measured`, `told, without a bound`, `within its bound`, `waived` or `beyond its bound`."""
        if self.probe.value is None:
            return "not measured"
        if not self.bound:
            return "told, without a bound"
        if self.probe.passed:
            return "within its bound"
        return "beyond its bound" if self.waiver is None else "waived"

    @property
    def bound(self) -> str:
        """`at most .50`, or `at least .05`; empty where nothing can break it."""
        if self.probe.limit == "at most" and self.probe.bound >= 1:
            return ""
        return f"{self.probe.limit} {format_fraction(self.probe.bound)}"


def make_card(
    retrain: RetrainOutcome,
    *,
    table: "pd.DataFrame | None" = None,
    sources: Mapping[str, Mapping[str, int]] | None = None,
    examples: Sequence[Example] = (),
) -> ModelCard:
    """Draw a model's figures and find what limits it.

    Args:
        retrain: the training with its figures.
        table: the challenger's prediction table; without it there are no curves and no picture of the probes.
        sources: training images by source, then by class.
        examples: test images with heat maps; a page shows `examples.EXAMPLES_LIMIT` of them.
    """
    from xray_model.evaluation.figures import draw_evaluation
    from xray_model.evaluation.limitations import find_limitations

    drawings = draw_evaluation(retrain.challenger, retrain.champion, table) if retrain.challenger else ()
    limitations = find_limitations(retrain, table, sources)
    return ModelCard(drawings, limitations, sources or {}, tuple(examples), _describe_power(retrain))


def _describe_power(retrain: RetrainOutcome) -> str:
    from xray_model.evaluation.power import describe_power

    detectable = retrain.promotion.decision.detectable if retrain.promotion else None
    if retrain.challenger is None or detectable is None:
        return ""
    score = retrain.challenger.score(retrain.challenger.minority)
    return describe_power(detectable, score.label, score.patients)


def list_probes(retrain: RetrainOutcome) -> tuple[ProbeRow, ...]:
    """The challenger's probes, each with the reason for which the gate waived it."""
    checks = retrain.promotion.decision.checks if retrain.promotion else ()
    waivers = {check.name: check.waiver for check in checks}
    probes = retrain.challenger.probes if retrain.challenger else ()
    return tuple(ProbeRow(probe, waivers.get(probe.name)) for probe in probes)


def overall_scores(challenger: EvaluationOutcome) -> tuple[str, ...]:
    """Names of the figures over all classes that this evaluation has, as fields of it."""
    return tuple(name for name in ("macro_f1", "weighted_f1", "balanced_accuracy") if getattr(challenger, name))
