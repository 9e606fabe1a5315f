"""How far new images stand from the champion's reference."""

from enum import StrEnum

from xray_model.outcomes.base import Outcome


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
