"""A night as its report shows it."""

from datetime import datetime
from typing import Self

from xray_model.outcomes.base import Outcome
from xray_model.outcomes.batches import BatchOutcome
from xray_model.outcomes.drift import DriftOutcome
from xray_model.outcomes.evaluation import EvaluationOutcome
from xray_model.outcomes.promotion import ChampionSummary, PromotionOutcome
from xray_model.outcomes.training import SnapshotOutcome, TrainingOutcome


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


class StageTime(Outcome):
    """How long one stage of a night took."""

    name: str
    """`ingest`, `monitor` or `retrain`."""
    seconds: float


class NightOutcome(Outcome):
    """A whole night, as the report shows it."""

    night_id: str
    """UTC start time and a short random part, sortable: `20261121T020000Z-3f9a`."""
    started: datetime
    finished: datetime
    batches: tuple[BatchOutcome, ...]
    drift: DriftOutcome
    batch_drift: tuple[DriftOutcome, ...] = ()
    """Of each batch that was compared by itself."""
    retrain: RetrainOutcome
    champion: ChampionSummary | None
    """The champion after the night; None when there is none yet."""
    stages: tuple[StageTime, ...] = ()
    """In their order; writing the pages, which comes after them, is not among them."""

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
