"""What each stage of a night came to: small frozen values that tasks exchange and reports show.

They hold pseudonyms, image ids, keys and figures; never arrays, frames, models, or names from a source.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict


class Outcome(BaseModel):
    """Base of all outcomes: frozen, and refusing fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BatchStatus(StrEnum):
    """What became of a batch: `held` and `refused` wait for a person, `failed` is an error of ours."""

    ACCEPTED = "accepted"
    HELD = "held"
    REFUSED = "refused"
    FAILED = "failed"


class Refusal(Outcome):
    """One reason for which images of a batch were refused, in a steward's words."""

    reason: str
    images: int


class ExpectationResult(Outcome):
    """One expectation as it was checked on one batch."""

    code: str
    sentence: str
    """How it should be."""
    refusal: str
    """What is wrong with what failed."""
    severity: str
    """`row` quarantines the image, `batch` holds the batch, `note` is only reported."""
    passed: bool
    evaluated: bool
    """False where the expectation itself crashed: nothing is known, so the batch is held."""
    failures: int
    """Rows that failed it; for a rule about the whole batch 1 or 0."""
    observed: str | None = None
    """The figure about the whole batch; of rows none is told."""
    suite: str = ""
    kind: str = ""
    """Type of the GX expectation."""
    bounds: str = ""
    """What it asks of which column, in words."""
    asked: int | None = None
    """Rows it was asked of: those of its row condition, without the empty ones where GX leaves them out."""


class BatchOutcome(Outcome):
    """One batch from arrival to the catalog."""

    batch_id: str
    source: str
    name: str
    status: BatchStatus
    layout: str | None = None
    reasons: tuple[str, ...] = ()
    """Why the whole batch is held, refused or failed; empty when accepted."""
    files: int = 0
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    held: int = 0
    passed_over: dict[str, int] = {}
    """Files that are no X-ray to train on, counted by what they are ("CT volume": 12)."""
    notes: dict[str, int] = {}
    """What the batch's own tables hold beyond its images, counted ("table row without an image": 3)."""
    labels: dict[str, int] = {}
    """Images by finding, among those that passed every row rule."""
    refusals: tuple[Refusal, ...] = ()
    expectations: tuple[ExpectationResult, ...] = ()
    bounds_id: str | None = None
    """Of the last change of bounds when it was judged; None where there was none yet."""

    @property
    def needs_person(self) -> bool:
        """Whether the batch as a whole waits for somebody."""
        return self.status is not BatchStatus.ACCEPTED


class DriftState(StrEnum):
    """`unknown` says that there was nothing to compare with, never that nothing moved."""

    UNKNOWN = "unknown"
    OK = "ok"
    WATCH = "watch"
    RETRAIN = "retrain"


class ColumnDrift(Outcome):
    """How far one column of the new images stands from the champion's reference."""

    column: str
    method: str
    score: float
    """Distance by `method`: 0 is equal."""
    threshold: float
    moved: bool
    current: str
    reference: str
    """Mean of a number or shares of a category, as a person reads them."""


class DriftOutcome(Outcome):
    """New images against the champion's reference."""

    state: DriftState
    reasons: tuple[str, ...]
    images: int = 0
    reference_images: int = 0
    columns: tuple[ColumnDrift, ...] = ()
    report_key: str | None = None
    """Key of Evidently's full report in the store."""

    @property
    def share(self) -> float:
        """Share of the columns that moved, 0 to 1."""
        return sum(column.moved for column in self.columns) / len(self.columns) if self.columns else 0.0


class SnapshotOutcome(Outcome):
    """The rows a training may see."""

    snapshot_id: str
    counts: dict[str, dict[str, int]]
    """Images by split, then by finding."""
    patients: dict[str, int]
    """Patients by split."""
    excluded: dict[str, int] = {}
    """Accepted rows left out of the snapshot, by reason (another class, a leak found late)."""


Stage: TypeAlias = Literal["head", "fine-tune"]
"""The two stages of a training."""


class EpochScore(Outcome):
    """One epoch: losses, and the minority F1 that chooses the weights."""

    stage: Stage = "head"
    epoch: int
    """From 1, through both stages."""
    loss: float
    validation_loss: float
    validation_minority_f1: float


class TrainingOutcome(Outcome):
    """One training run."""

    backbone: str
    weights: str
    """Where the weights came from and their sha256, in words."""
    weights_sha256: str | None = None
    """Of the file they came from, all 64 digits; None where there was none."""
    input_side: int
    precision: str = "float32"
    """What the pretrained part computes in."""
    features: str = "last"
    """What the head sees of the backbone: its last layer, or averages at several depths."""
    hidden_units: int = 0
    """Of the layer between features and classifier; 0 where there is none."""
    fine_tuned: str | None = None
    """Layer of the backbone after which weights were fine-tuned, or `all`; None where only the head was trained."""
    rebalancing: str
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    """Training images by class before and after rebalancing (effective counts where images are weighted)."""
    rebalancing_note: str = ""
    """What the counts do not say: neighbours, views, mixtures."""
    log_offsets: dict[str, float] = {}
    """Added to each class's score to put the probabilities back to the true frequencies; 0 where nothing is."""
    decision_weights: dict[str, float] = {}
    """The label is the class whose probability times this is the highest."""
    epochs: tuple[EpochScore, ...]
    best_epoch: int
    seed: int
    seconds: float
    features_computed: int
    features_reused: int
    model_sha256: str
    """Hash of the `.keras` file; which classes it tells apart stands in the file itself."""
    run_id: str
    """MLflow run that keeps the model."""

    @property
    def corrects_prior(self) -> bool:
        """Whether the model's probabilities were put back to the true class frequencies."""
        return any(self.log_offsets.values())

    @property
    def moves_threshold(self) -> bool:
        """Whether the label is not always the most probable class."""
        return len(set(self.decision_weights.values())) > 1


class Interval(Outcome):
    """A figure with its 95 % interval by bootstrap over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{format_fraction(self.value)} (95 % interval {format_fraction(self.low)} to {format_fraction(self.high)})"
        )


class ClassScore(Outcome):
    """One class on one split."""

    label: str
    precision: Interval
    recall: Interval
    f1: Interval
    images: int
    patients: int


class EvaluationOutcome(Outcome):
    """One model on one split of one snapshot."""

    model: str
    snapshot_id: str
    split: str
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Images by true class (rows) and predicted class (columns), in the order of `classes`."""
    macro_f1: Interval
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


class Check(Outcome):
    """One condition of the gate, with the figures that decided it."""

    name: str
    passed: bool
    sentence: str


class Decision(Outcome):
    """Whether the challenger goes into service, and every reason for it."""

    promote: bool
    checks: tuple[Check, ...]
    minority: str
    minority_f1: Interval
    champion_f1: Interval | None = None
    """The champion re-scored now on the same rows; None when there is no champion."""
    probability_better: float | None = None
    """P(challenger >= champion - margin) by paired bootstrap over patients; ties do not count where the margin is 0."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences that decided: the failed checks, or all of them when promoted."""
        return tuple(check.sentence for check in self.checks if self.promote or not check.passed)


class PromotionOutcome(Outcome):
    """What the gate's decision did to the registry."""

    decision: Decision
    challenger_version: int
    champion_before: int | None
    champion_after: int | None


class RetrainOutcome(Outcome):
    """Whether a model was trained in a night, and what came of it."""

    trained: bool
    reasons: tuple[str, ...]
    failed: bool = False
    """Whether it should have been trained and could not be: an engineer must look."""
    snapshot: SnapshotOutcome | None = None
    training: TrainingOutcome | None = None
    challenger: EvaluationOutcome | None = None
    champion: EvaluationOutcome | None = None
    promotion: PromotionOutcome | None = None


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


class NightOutcome(Outcome):
    """A whole night, as the report shows it."""

    night_id: str
    """UTC start time and a short random part, sortable: `20261121T020000Z-3f9a`."""
    started: datetime
    finished: datetime
    batches: tuple[BatchOutcome, ...]
    drift: DriftOutcome
    retrain: RetrainOutcome
    champion: ChampionSummary | None
    """The champion after the night; None when there is none yet."""

    @property
    def needs_person(self) -> bool:
        """Whether any batch of the night waits for somebody, or the training failed."""
        return self.retrain.failed or any(batch.needs_person for batch in self.batches)

    def total(self, field: str) -> int:
        """Sum of one count (`read`, `accepted`, `quarantined`, `held`) over the night's batches."""
        return sum(int(getattr(batch, field)) for batch in self.batches)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a night back from the JSON kept beside its page."""
        return cls.model_validate_json(text)


def format_fraction(value: float) -> str:
    """A figure between 0 and 1 with two digits, as it stands in every page and sentence: `.86`."""
    return f"{value:.2f}".removeprefix("0") if value < 1 else f"{value:.2f}"
