"""Suite `pixels`: what a picture must be like to be a chest X-ray worth learning from, by the bounds in force."""

import great_expectations as gx
import great_expectations.expectations as gxe

from expectations.rules import image_rule, rule
from xray_model.data.bounds import Bounds
from xray_model.data.image_rules import SIZE, bound_rules


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
            *map(image_rule, (SIZE, *bound_rules(bounds))),
        ],
    )
