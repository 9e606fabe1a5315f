"""What was trained on, and how the training went."""

from typing import Literal, TypeAlias

from xray_model.outcomes.base import Outcome


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
    temperature: float = 1.0
    """What the class scores are divided by so that probabilities are calibrated, fitted on the validation split."""
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
