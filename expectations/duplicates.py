"""Suite `duplicates`: which sound images repeat another. It is asked after the other rules, of what they passed."""

import great_expectations as gx
import great_expectations.expectations as gxe

from expectations.rules import rule

EXACT = "duplicate-exact"


def duplicates_suite() -> gx.ExpectationSuite:
    """Rules on `duplicate_kind`, which is empty for an image that repeats none."""
    never = gxe.ExpectColumnValuesToNotBeInSet
    return gx.ExpectationSuite(
        name="duplicates",
        expectations=[
            rule(
                never,
                EXACT,
                "row",
                "No image is there twice.",
                "is the same file as an image already there",
                column="duplicate_kind",
                value_set=["exact"],
            ),
            rule(
                never,
                "duplicate-leak",
                "row",
                "No image repeats one on another side of the split.",
                "is nearly the same picture as one on another side of the split",
                column="duplicate_kind",
                value_set=["leak"],
            ),
            rule(
                never,
                "duplicate-contradiction",
                "row",
                "No image stands under two findings.",
                "is the same file as an image with another finding",
                column="duplicate_kind",
                value_set=["contradiction"],
            ),
        ],
    )
