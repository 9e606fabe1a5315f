"""What a model is worth on one split: by class, as a probability, in subgroups, and with the lungs hidden."""

from typing import Literal, TypeAlias

from xray_model.outcomes.base import Interval, Outcome

ProbeName: TypeAlias = Literal[
    "lungs-hidden",
    "lungs-alone",
    "metadata-alone",
    "source-from-embedding",
    "within-source",
    "left-out-source",
    "class-by-source",
    "class-by-age",
]
"""The shortcut probes, as a waiver names them."""


class ClassScore(Outcome):
    """One class on one split."""

    label: str
    precision: Interval
    recall: Interval
    f1: Interval
    roc_auc: Interval | None = None
    """Of the class's probability against all other classes; None where the split lacks either side."""
    average_precision: Interval | None = None
    """Area under the precision-recall curve, likewise."""
    images: int
    patients: int


class ReliabilityBin(Outcome):
    """Images whose highest probability lies in one range."""

    low: float
    high: float
    images: int
    confidence: float
    """Their mean highest probability."""
    accuracy: Interval
    """Share of them whose most probable class is theirs."""


class Calibration(Outcome):
    """Whether a probability of .8 is right in eight of ten images."""

    error: Interval
    """Expected calibration error (Guo et al. 2017): mean of |confidence - accuracy| over the bins, by images."""
    chance: float | None = None
    """The error that a calibrated model as sure of so many images shows on average; None in earlier nights."""
    bins: tuple[ReliabilityBin, ...]
    """Those that hold an image."""


class SubgroupScore(Outcome):
    """The images of one value of one column, such as `sex` F."""

    column: str
    value: str
    images: int
    patients: int
    minority_patients: int
    minority_f1: Interval | None
    """None where no image of the minority class is there or called."""
    recalls: dict[str, Interval]
    """By class, of those that are there."""
    too_small: bool
    """Whether too few patients of the minority class are there to say anything."""

    @property
    def name(self) -> str:
        """`sex=F`."""
        return f"{self.column}={self.value}"


class ProbeResult(Outcome):
    """One look at whether a model goes by something else than the lungs."""

    name: ProbeName
    value: float | None
    """What `bound` is compared with; None where the images at hand cannot say."""
    bound: float
    limit: Literal["at most", "at least"] = "at most"
    """Which side of the bound the value must keep to."""
    passed: bool
    """False where the bound is broken; True where nothing could be measured, which the sentence then says."""
    sentence: str
    figures: dict[str, float] = {}
    """What the sentence and the value come from, by name."""


class EvaluationOutcome(Outcome):
    """One model on one split of one snapshot."""

    model: str
    snapshot_id: str
    split: str
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Images by true class (rows) and predicted class (columns), in the order of `classes`."""
    macro_f1: Interval
    weighted_f1: Interval | None = None
    balanced_accuracy: Interval | None = None
    calibration: Calibration | None = None
    subgroups: tuple[SubgroupScore, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    minority: str
    images: int
    patients: int
    predictions_key: str
    """Key of the prediction table by image, from which every figure here can be recomputed."""

    def score(self, label: str) -> ClassScore:
        """The score of class `label`; KeyError when the model has no such class."""
        for score in self.classes:
            if score.label == label:
                return score
        raise KeyError(label)

    @property
    def minority_f1(self) -> Interval:
        """F1 of the minority class."""
        return self.score(self.minority).f1
