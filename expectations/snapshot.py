"""Suite `snapshot`: what the rows of a training must be like. It trusts nothing that was checked at ingest.

It is asked of two frames: the rows themselves, and their counts by split and finding.
"""

from collections.abc import Sequence

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.expectations.row_conditions import Column

from expectations.patients import ExpectColumnPairOneBForEachA
from expectations.rules import rule
from expectations.running import run_suites
from xray_model.data.identity import find_duplicates
from xray_model.data.splits import SPLITS
from xray_model.evaluation.retrain_policy import FEWEST_TO_TRAIN
from xray_model.outcomes import ExpectationResult


def check_snapshot(rows: pd.DataFrame, classes: Sequence[str]) -> tuple[ExpectationResult, ...]:
    """Ask the suite `snapshot` of the rows of a training.

    Args:
        rows: `image_id`, `patient_id`, `phash`, `label` and `split`, a default index.
        classes: the classes the model shall tell apart.
    """
    about_rows = run_suites(mark_repeats(rows), [snapshot_suite()])
    about_counts = run_suites(count_classes(rows, classes), [counts_suite()])
    return (*about_rows.results, *about_counts.results)


def snapshot_suite() -> gx.ExpectationSuite:
    """Rules on the rows of `mark_repeats`."""
    return gx.ExpectationSuite(
        name="snapshot",
        expectations=[
            rule(
                ExpectColumnPairOneBForEachA,
                "patient-in-two-splits",
                "batch",
                "Every patient is on one side of the split.",
                "A patient stands in two splits",
                column_A="patient_id",
                column_B="split",
            ),
            rule(
                gxe.ExpectColumnValuesToBeUnique,
                "image-twice",
                "batch",
                "No image is there twice.",
                "An image is there twice",
                column="image_id",
            ),
            rule(
                gxe.ExpectColumnValuesToNotBeInSet,
                "near-in-two-splits",
                "batch",
                "No two splits hold nearly the same picture.",
                "Two splits hold nearly the same picture",
                column="duplicate_kind",
                value_set=["leak"],
            ),
        ],
    )


def counts_suite() -> gx.ExpectationSuite:
    """Rules on the counts of `count_classes`."""
    between = gxe.ExpectColumnValuesToBeBetween
    return gx.ExpectationSuite(
        name="snapshot-counts",
        expectations=[
            rule(
                between,
                "class-without-images",
                "batch",
                "Every class is in every split.",
                "A class has no image in one of the splits",
                column="images",
                min_value=1,
            ),
            rule(
                between,
                "few-to-train",
                "batch",
                f"Every class has at least {FEWEST_TO_TRAIN} training images.",
                f"A class has fewer than {FEWEST_TO_TRAIN} training images",
                column="images",
                min_value=FEWEST_TO_TRAIN,
                row_condition=Column("split") == "train",
            ),
        ],
    )


def mark_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with `duplicate_kind`, which is `leak` where a picture is nearly one of another split.

    Args:
        rows: `image_id`, `phash` and `split`, a default index.
    """
    train = rows["split"] == "train"
    return rows.assign(duplicate_kind=find_duplicates(rows[~train], rows[train])["duplicate_kind"].reindex(rows.index))


def count_classes(rows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """One row for each split and class: `split`, `label`, `images`, 0 where there is none."""
    every = pd.MultiIndex.from_product([SPLITS, classes], names=["split", "label"])
    return rows.groupby(["split", "label"]).size().reindex(every, fill_value=0).rename("images").reset_index()
