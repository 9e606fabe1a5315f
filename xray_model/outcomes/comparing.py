"""What a comparison of ways of training came to."""

from xray_model.outcomes.base import Interval, Outcome
from xray_model.outcomes.training import TrainingOutcome


class CellOutcome(Outcome):
    """One training of a comparison: one variant, one fold, one seed."""

    variant: str
    fold: int
    """From 0; its patients are the test of this training."""
    seed: int
    training: TrainingOutcome
    predictions_key: str
    """Prediction table (`storage.predictions`) of the fold's test images."""
    images: dict[str, int]
    """By split of this fold."""
    parameters: int
    """Weights of the whole network."""
    trained_parameters: int
    images_per_second: float
    """Pixels to probabilities, when the fold's test images were answered."""
    chosen: dict[str, str | float | int | bool] = {}
    """What a search chose, by option."""
    trials: int = 0
    pruned: int = 0
    """Of these trials, those that were ended early."""


class Standing(Outcome):
    """One variant over all folds and seeds; every patient counts once a seed, in the fold that tested him."""

    variant: str
    title: str
    minority_f1: Interval
    macro_f1: Interval
    recalls: dict[str, Interval]
    confusion: tuple[tuple[float, ...], ...]
    """[true][predicted], mean over the seeds."""
    accuracy: Interval
    over_best: Interval | None = None
    """Minority F1 less that of the first in rank; its interval holds for all pairs at once (`evaluation.distances`).

    None for the first itself."""
    fold_f1: tuple[float, ...] = ()
    """Minority F1 of each training, by fold then seed."""
    seconds: float
    """Of training, mean over the trainings."""
    images_per_second: float
    parameters: int
    trained_parameters: int


class CompareOutcome(Outcome):
    """A whole comparison."""

    comparison_id: str
    recipe: str
    title: str
    study: str
    snapshot_id: str
    classes: tuple[str, ...]
    minority: str
    images: int
    patients: int
    folds: int
    seeds: int
    notes: tuple[str, ...] = ()
    """What was left out or differs from the recipe, in sentences."""
    cells: tuple[CellOutcome, ...]
    standings: tuple[Standing, ...]
    """The best first."""
    page_key: str | None = None
