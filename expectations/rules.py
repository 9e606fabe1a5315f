"""The shape of a rule: a GX expectation with its code, its severity and the words a steward reads."""

from collections.abc import Iterator
from typing import Any, Literal

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import AndCondition, Condition, OrCondition

from xray_model.data.image_rules import ImageRule

Severity = Literal["row", "batch", "note"]
"""`row` quarantines the images that fail, `batch` holds the whole batch, `note` only reports."""


def rule(
    kind: type[Expectation], code: str, severity: Severity, expected: str, refusal: str, **arguments: Any
) -> Expectation:
    """One rule of a suite.

    Args:
        kind: the GX expectation class.
        code: short name, stable over time: it stands in reports and tests.
        severity: what a failure does.
        expected: how it should be, as a sentence ("The image can be read.").
        refusal: what is wrong with what failed, in a few words ("cannot be read").
        **arguments: of the expectation.
    """
    return kind(
        description=expected,
        meta={"code": code, "severity": severity, "expected": expected, "refusal": refusal},
        **arguments,
    )


def image_rule(own: ImageRule) -> Expectation:
    """What an image alone must keep to, asked of each row of a batch."""
    if own.never:
        return rule(
            gxe.ExpectColumnValuesToNotBeInSet,
            own.code,
            "row",
            own.expected,
            own.refusal,
            column=own.column,
            value_set=list(own.never),
        )
    return rule(
        gxe.ExpectColumnValuesToBeBetween,
        own.code,
        "row",
        own.expected,
        own.refusal,
        column=own.column,
        min_value=own.low,
        max_value=own.high,
    )


def columns_of(expectation: Expectation) -> Iterator[str]:
    """The columns that an expectation looks at, those of its row condition included."""
    asked = expectation.configuration.kwargs
    yield from (asked[name] for name in ("column", "column_A", "column_B") if name in asked)
    if getattr(expectation, "row_condition", None) is not None:
        yield from _columns_of_condition(expectation.row_condition)


def _columns_of_condition(condition: Condition) -> Iterator[str]:
    if isinstance(condition, AndCondition | OrCondition):
        for part in condition.conditions:
            yield from _columns_of_condition(part)
    else:
        yield condition.column.name
