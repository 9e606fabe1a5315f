"""Drift over the nights: one mark of each comparison, leading to its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.reports.drift_columns import find_embedding
from storage.reports.records import NightRecord
from xray_model.outcomes import DriftOutcome

MARKS = 14
"""Comparisons shown in a row."""


@dataclass(frozen=True, slots=True)
class DriftMark:
    """One comparison in a row of several."""

    drift: DriftOutcome
    when: datetime
    page: str
    """Key of what it leads to, with its anchor where it has one."""
    here: bool = False
    """Whether it is what the page itself is about."""

    @property
    def moved(self) -> int:
        """Columns that moved."""
        return sum(column.moved for column in self.drift.columns)

    @property
    def embedding(self) -> float | None:
        """ROC area by which new images are told from known ones."""
        column = find_embedding(self.drift)
        return None if column is None else column.score


def mark_nights(nights: Sequence[NightRecord], most: int = MARKS) -> list[DriftMark]:
    """The newest nights with new batches, oldest first; one that has no drift page leads to its own."""
    told = [record for record in nights if record.night.batches][:most]
    return [
        DriftMark(record.night.drift, record.night.started, record.night.drift.page_key or f"{record.page}#drift")
        for record in reversed(told)
    ]


def mark_drifts(drifts: Sequence[DriftOutcome], most: int = MARKS) -> list[DriftMark]:
    """The newest of some comparisons, given newest first, oldest first."""
    return [DriftMark(drift, drift.when, drift.page_key) for drift in drifts[:most] if drift.when and drift.page_key][
        ::-1
    ]
