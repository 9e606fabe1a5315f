"""The shape of a rule: a GX expectation with its code, its severity and the words a steward reads."""

from typing import Any, Literal

from great_expectations.expectations.expectation import Expectation

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
