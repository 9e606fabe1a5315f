"""Whether a model goes into service, and which one is there."""

from datetime import datetime

from xray_model.outcomes.base import Interval, Outcome


class Check(Outcome):
    """One condition of the gate, with the figures that decided it."""

    name: str
    """What a waiver names it by, such as `floor`, `recall-covid`, `subgroup-sex=F` or `lungs-hidden`."""
    passed: bool
    sentence: str
    measured: bool = True
    """False where the images at hand cannot say: it then stands in nobody's way, and the sentence says why."""
    waiver: str | None = None
    """The reason for which a failed check does not count, from the policy; None where none was given or needed."""

    @property
    def holds(self) -> bool:
        """Whether it stands in nobody's way: passed, or waived by name."""
        return self.passed or self.waiver is not None


class Decision(Outcome):
    """Whether the challenger goes into service, and every reason for it."""

    promote: bool
    checks: tuple[Check, ...]
    minority: str
    minority_f1: Interval
    champion_f1: Interval | None = None
    """The champion re-scored now on the same rows; None when there is no champion."""
    probability_better: float | None = None
    """P(challenger >= champion - margin): Student's t with the standard error of a paired bootstrap over patients."""
    margin: float = 0.0
    """How much worse than the champion counted as no worse there."""
    confidence: float = 0.95
    """With which it had to be no worse."""
    draws: int = 2000
    """Of that bootstrap."""
    seed: int = 20
    """Of the draws."""
    detectable: float | None = None
    """The smallest true difference in minority F1 that this test set would show in four of five such comparisons."""
    requires_approval: bool = False
    """Whether a promotion waits for a steward."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences that decided: the checks that do not hold, or all of them when promoted, with their waivers."""
        return tuple(
            f"{check.sentence} Waived: {check.waiver}" if check.waiver else check.sentence
            for check in self.checks
            if self.promote or not check.holds
        )


class PromotionOutcome(Outcome):
    """What the gate's decision did to the registry."""

    decision: Decision
    challenger_version: int
    champion_before: int | None
    champion_after: int | None

    @property
    def awaits_approval(self) -> bool:
        """Whether the challenger passed the gate and waits for a steward."""
        return self.decision.promote and self.champion_after != self.challenger_version


class ChampionSummary(Outcome):
    """The model in service, as the last promotion recorded it."""

    version: int
    since: datetime
    backbone: str
    snapshot_id: str
    classes: tuple[str, ...]
    minority: str
    minority_f1: Interval
    patients: int
    """Test patients behind `minority_f1`."""
