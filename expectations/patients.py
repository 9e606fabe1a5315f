"""A custom expectation: all images of a patient stand on one side of the split."""

from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)

_METRIC = "column_pair_values.one_b_for_each_a"


class ColumnPairValuesOneBForEachA(ColumnPairMapMetricProvider):  # type: ignore[misc] # GX has no types
    """Whether all rows with one value of column A have one value of column B."""

    condition_metric_name = _METRIC
    condition_domain_keys = ("batch_id", "table", "column_A", "column_B", "row_condition", "ignore_row_if")
    condition_value_keys = ()

    # The names are those by which GX passes them.
    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_A: pd.Series, column_B: pd.Series, **_: Any) -> "pd.Series[bool]":  # noqa: N803, N805
        return column_B.groupby(column_A).transform("nunique") == 1


class ExpectColumnPairOneBForEachA(ColumnPairMapExpectation):  # type: ignore[misc] # GX has no types
    """All rows with one value of `column_A` have one value of `column_B`; those where one is missing are not asked.

    GX's own pair expectations compare two cells of one row, never the rows of a group.
    """

    map_metric: ClassVar[str] = _METRIC
    ignore_row_if: str = "either_value_is_missing"
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column_A", "column_B", "row_condition", "ignore_row_if")
    success_keys: ClassVar[tuple[str, ...]] = ("ignore_row_if", "mostly")
