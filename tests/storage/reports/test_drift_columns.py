"""Columns of a comparison, in the order in which they are worth reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.reports.drift_columns import divide_by_family, find_embedding, measure_excess, rank_columns, take_turns
from tests.storage.reports.comparing import COLUMNS, compared, drifted_column
from xray_model.outcomes import DriftFamily, DriftState

_SCORE = st.floats(0, 3)


@pytest.mark.parametrize(
    ("score", "family", "threshold", "excess"),
    [
        (0.4, DriftFamily.QUALITY, 0.2, 2.0),
        (0.6, DriftFamily.EMBEDDING, 0.6, 1.0),
        (0.9, DriftFamily.EMBEDDING, 0.6, 4.0),
        (0.45, DriftFamily.EMBEDDING, 0.6, 0.0),
        (0.4, DriftFamily.QUALITY, 0.0, 0.0),
    ],
)
def test_excess_is_measured_from_where_nothing_differs(
    score: float, family: DriftFamily, threshold: float, excess: float
) -> None:
    """A distance counts from 0, the ROC area of the embedding from .5, both in units of the limit."""
    column = drifted_column("c", score, family, threshold=threshold)
    assert measure_excess(column) == pytest.approx(excess)


@given(scores=st.lists(_SCORE, max_size=12))
def test_moved_columns_stand_before_the_others(scores: list[float]) -> None:
    """Ranking loses no column, and whatever moved comes first, the farthest first of all."""
    ranked = rank_columns([drifted_column(str(place), score) for place, score in enumerate(scores)])
    assert sorted(column.score for column in ranked) == sorted(scores)
    assert [column.score for column in ranked] == sorted(scores, reverse=True)
    assert [column.moved for column in ranked] == sorted((column.moved for column in ranked), reverse=True)


def test_families_take_turns() -> None:
    """One of each family stands before the second of any, and else the order is kept."""
    quality, prediction = DriftFamily.QUALITY, DriftFamily.PREDICTION
    ranked = [
        drifted_column(name, 1.0, family) for name, family in zip("abcd", [prediction] * 3 + [quality], strict=True)
    ]
    assert "".join(column.column for column in take_turns(ranked)) == "adbc"


def test_families_hold_every_column_once() -> None:
    """Each family that has columns has one table; together they hold all, and count what moved."""
    tables = divide_by_family(COLUMNS)
    assert [(table.family, table.moved, len(table.columns)) for table in tables] == [
        (DriftFamily.QUALITY, 2, 3),
        (DriftFamily.POPULATION, 1, 1),
        (DriftFamily.EMBEDDING, 1, 1),
    ]


def test_embedding_is_found_by_its_family() -> None:
    """The embedding of a comparison is found wherever it stands, and missed where there is none."""
    found = find_embedding(compared())
    assert found is not None
    assert found.score == 0.9
    assert find_embedding(compared(DriftState.UNKNOWN)) is None
