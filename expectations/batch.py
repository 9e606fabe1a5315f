"""Suite `batch`: what a batch as a whole must be like. It is checked on one row of facts about the batch."""

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

from expectations.duplicates import EXACT
from expectations.rules import rule

MOST_REFUSED = 0.3
"""Share of refused images above which something is wrong with the batch, not with its images."""
MOST_INVERTED = 0.05
"""Share of inverted images that points to one scanner's wrong tag; usually under 1 %."""


def batch_suite() -> gx.ExpectationSuite:
    """Rules on the facts of `describe_batch`."""
    between = gxe.ExpectColumnValuesToBeBetween
    return gx.ExpectationSuite(
        name="batch",
        expectations=[
            rule(
                between,
                "no-images",
                "batch",
                "The batch holds images.",
                "It holds no images.",
                column="images",
                min_value=1,
            ),
            rule(
                between,
                "many-inverted",
                "batch",
                f"At most {MOST_INVERTED:.0%} of the images look inverted.",
                f"More than {MOST_INVERTED:.0%} of its images look inverted: "
                "perhaps one scanner's MONOCHROME tag is wrong.",
                column="inverted_share",
                max_value=MOST_INVERTED,
            ),
            rule(
                between,
                "mostly-refused",
                "batch",
                f"At most {MOST_REFUSED:.0%} of the images are refused.",
                f"More than {MOST_REFUSED:.0%} of its images were refused.",
                column="refused_share",
                max_value=MOST_REFUSED,
            ),
        ],
    )


def describe_batch(rows: pd.DataFrame, failed: dict[int, list[str]]) -> pd.DataFrame:
    """One row of facts about a batch.

    Args:
        rows: the batch's rows.
        failed: codes of the row rules that failed, by position in `rows`.
    """
    images = len(rows)
    inverted = sum("inverted" in codes for codes in failed.values())
    # A file sent once more says nothing against the batch.
    refused = sum(bool({*codes} - {EXACT}) for codes in failed.values())
    return pd.DataFrame(
        {
            "images": [images],
            "refused_share": [refused / images if images else 0.0],
            "inverted_share": [inverted / images if images else 0.0],
        }
    )
