"""Suite `pixels`: what a picture must be like to be a chest X-ray worth learning from.

Bounds were set on 2,201 public radiographs of four sources, whose extremes they leave room for; gray levels
run from 0 to 255 on the canonical content without padding.
"""

import great_expectations as gx
import great_expectations.expectations as gxe

from expectations.rules import rule

SMALLEST_SIDE = 128
"""Pixels; half of the smallest public set (299) still shows ribs, less does not."""
LEAST_CONTRAST = 12.0
"""Standard deviation; the flattest public radiograph has 14.7."""
DARKEST, BRIGHTEST = 25.0, 230.0
"""Mean gray; public radiographs lie between 46 and 217."""
LEAST_ENTROPY = 3.5
"""Bits; public radiographs have 4.7 and more, drawings and masks less than 3."""
MOST_INVERTED = 0.5
"""Log odds; public radiographs lie below -1.7, so that their negatives lie above 1.7."""
MOST_BORDER = 0.45
"""Share; public radiographs lose up to 0.38 to burned-in frames."""
MOST_SATURATED = 0.55
"""Share; public radiographs have up to 0.49."""
ASPECTS = (0.5, 2.5)
"""Width over height; 99 % of public radiographs lie between 0.8 and 2.2."""


def pixels_suite() -> gx.ExpectationSuite:
    """Rules on the picture of each row of a batch."""
    between = gxe.ExpectColumnValuesToBeBetween
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
                between,
                "too-small",
                "row",
                f"Every image has sides of at least {SMALLEST_SIDE} pixels.",
                f"is smaller than {SMALLEST_SIDE} pixels",
                column="shorter_side",
                min_value=SMALLEST_SIDE,
            ),
            rule(
                between,
                "blank",
                "row",
                "Every image has contrast.",
                "is blank or nearly so",
                column="std",
                min_value=LEAST_CONTRAST,
            ),
            rule(
                between,
                "too-dark",
                "row",
                "No image is too dark to read.",
                "is too dark to read",
                column="mean",
                min_value=DARKEST,
            ),
            rule(
                between,
                "too-bright",
                "row",
                "No image is too bright to read.",
                "is too bright to read",
                column="mean",
                max_value=BRIGHTEST,
            ),
            rule(
                between,
                "too-few-grays",
                "row",
                "Every image uses enough gray levels.",
                "has too few gray levels to be a radiograph",
                column="entropy",
                min_value=LEAST_ENTROPY,
            ),
            rule(
                between,
                "inverted",
                "row",
                "Bones are bright and air is dark.",
                "looks inverted",
                column="inversion",
                max_value=MOST_INVERTED,
            ),
            rule(
                between,
                "wide-border",
                "row",
                "The picture fills its frame.",
                "is mostly border",
                column="border",
                max_value=MOST_BORDER,
            ),
            rule(
                between,
                "saturated",
                "row",
                "Most of the picture is neither pure black nor pure white.",
                "is mostly pure black or white",
                column="saturated",
                max_value=MOST_SATURATED,
            ),
            rule(
                between,
                "odd-shape",
                "row",
                "No image is a narrow strip.",
                "is too wide or too tall for a chest",
                column="aspect",
                min_value=ASPECTS[0],
                max_value=ASPECTS[1],
            ),
        ],
    )
