"""The columns of a comparison, in the order in which they are worth reading."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xray_model.outcomes import ColumnDrift, DriftFamily, DriftOutcome

_NOT_AT_ALL = 0.5
"""ROC area by which a classifier tells nothing apart: where the embedding is equal. All other distances are 0 there."""


@dataclass(frozen=True, slots=True)
class FamilyTable:
    """The columns of one family, the one furthest beyond its limit first."""

    family: DriftFamily
    columns: tuple[ColumnDrift, ...]

    @property
    def moved(self) -> int:
        """How many of them moved."""
        return sum(column.moved for column in self.columns)


def measure_excess(column: ColumnDrift) -> float:
    """A column's distance in units of its limit, 1 at the limit; 0 where nothing can be beyond it."""
    equal = _NOT_AT_ALL if column.family is DriftFamily.EMBEDDING else 0.0
    limit = column.threshold - equal
    return max(column.score - equal, 0.0) / limit if limit > 0 else 0.0


def rank_columns(columns: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Those that moved first, and the one furthest beyond its limit first of all."""
    return sorted(columns, key=lambda column: (not column.moved, -measure_excess(column)))


def take_turns(ranked: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Columns in this order, but one of each family before the second of any: a class's probabilities move together."""
    met: Counter[DriftFamily] = Counter()
    turns = []
    for column in ranked:
        turns.append(met[column.family])
        met[column.family] += 1
    return [column for _, column in sorted(zip(turns, ranked, strict=True), key=lambda pair: pair[0])]


def divide_by_family(columns: Sequence[ColumnDrift]) -> list[FamilyTable]:
    """One table of each family that has columns, in the order of `DriftFamily`."""
    ranked = rank_columns(columns)
    tables = [FamilyTable(family, tuple(each for each in ranked if each.family is family)) for family in DriftFamily]
    return [table for table in tables if table.columns]


def find_embedding(drift: DriftOutcome) -> ColumnDrift | None:
    """How well new images are told from known ones by what the model sees of them; None where it was not asked."""
    return next((column for column in drift.columns if column.family is DriftFamily.EMBEDDING), None)
