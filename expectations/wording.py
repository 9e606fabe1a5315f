"""What an expectation asks for, in words: of its own arguments, never of a value in a row."""

from typing import Any

from great_expectations.expectations.expectation import Expectation

_OF_ONE_COLUMN = {
    "expect_column_values_to_not_be_null": "is there",
    "expect_column_values_to_be_null": "is empty",
    "expect_column_values_to_be_unique": "stands once",
}
_SETS = {"expect_column_values_to_be_in_set": "one of", "expect_column_values_to_not_be_in_set": "never"}


def describe_bounds(expectation: Expectation) -> str:
    """The column, its bounds or set, and which rows are asked: "std at least 12"; "" where nothing is known to say."""
    asked = expectation.configuration.kwargs
    if "column_A" in asked:
        said = f"one {asked['column_B']} for each {asked['column_A']}"
    else:
        said = f"{asked.get('column', '')} {_demand(expectation.configuration.type, asked)}".strip()
    condition = getattr(expectation, "row_condition", None)
    return said if condition is None else f"{said}, where {repr(condition).removeprefix('(').removesuffix(')')}"


def _demand(kind: str, asked: dict[str, Any]) -> str:
    low, high = asked.get("min_value"), asked.get("max_value")
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    if low is not None:
        return f"at least {low:g}"
    if high is not None:
        return f"at most {high:g}"
    if kind in _SETS:
        return f"{_SETS[kind]} {', '.join(map(str, asked['value_set']))}"
    return f"matches {asked['regex']}" if "regex" in asked else _OF_ONE_COLUMN.get(kind, "")
