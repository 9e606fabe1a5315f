"""Suite `pixels`: what a picture must be like to be a chest X-ray worth learning from, by the bounds in force."""

import great_expectations as gx
import great_expectations.expectations as gxe

from expectations.rules import rule
from xray_model.data.bounds import Bounds

SMALLEST_SIDE = 128
"""Pixels; half of the smallest public set (299) still shows ribs, less does not."""

_WORDS = {
    "blank": ("Every image has contrast", "is blank or nearly so"),
    "too-dark": ("No image is too dark to read", "is too dark to read"),
    "too-bright": ("No image is too bright to read", "is too bright to read"),
    "too-few-grays": ("Every image uses enough gray levels", "has too few gray levels to be a radiograph"),
    "inverted": ("Bones are bright and air is dark", "looks inverted"),
    "wide-border": ("The picture fills its frame", "is mostly border"),
    "saturated": ("Most of the picture is neither pure black nor pure white", "is mostly pure black or white"),
    "odd-shape": ("No image is a narrow strip", "is too wide or too tall for a chest"),
}
"""By the code of a bound: how it should be, and what is wrong with what failed."""


def pixels_suite(bounds: Bounds) -> gx.ExpectationSuite:
    """Rules on the picture of each row of a batch: those that no bound changes, and one for each of `bounds`."""
    return gx.ExpectationSuite(
        name="pixels",
        expectations=[
            rule(
                gxe.ExpectColumnValuesToBeNull,
                "unreadable",
                "row",
                "Every image can be read.",
                "cannot be read",
                column="unreadable",
            ),
            rule(
                gxe.ExpectColumnValuesToBeBetween,
                "too-small",
                "row",
                f"Every image has sides of at least {SMALLEST_SIDE} pixels.",
                f"is smaller than {SMALLEST_SIDE} pixels",
                column="shorter_side",
                min_value=SMALLEST_SIDE,
            ),
            *(
                rule(
                    gxe.ExpectColumnValuesToBeBetween,
                    code,
                    "row",
                    f"{expected} ({bounds[code].figure}: {bounds[code].words}).",
                    refusal,
                    column=bounds[code].column,
                    min_value=bounds[code].low,
                    max_value=bounds[code].high,
                )
                for code, (expected, refusal) in _WORDS.items()
            ),
        ],
    )
