"""Suite `records`: who, what and which view an image is of."""

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations.patients import ExpectColumnPairOneBForEachA
from expectations.rules import image_rule, rule
from xray_model.data.image_rules import AGE, FRONTAL
from xray_model.data.labels import FINDINGS
from xray_model.data.splits import SPLITS


def records_suite() -> gx.ExpectationSuite:
    """Rules on the metadata of each row of a batch."""
    return gx.ExpectationSuite(
        name="records",
        expectations=[
            rule(
                gxe.ExpectColumnValuesToNotBeNull,
                "image-id-missing",
                "row",
                "Every image has an id.",
                "has no image id",
                column="image_id",
            ),
            rule(
                gxe.ExpectColumnValuesToMatchRegex,
                "image-id-malformed",
                "row",
                "Every image id is a sha256 in 64 hex digits.",
                "has an image id that is no sha256",
                column="image_id",
                regex=r"^[0-9a-f]{64}\Z",
            ),
            rule(
                gxe.ExpectColumnValuesToNotBeNull,
                "label-missing",
                "row",
                "Every image has a finding that the models here know.",
                "has no finding that the models here know",
                column="label",
                # What cannot be read and was never described lacks nothing that a person could add.
                row_condition=Column("unreadable").is_null() | Column("finding").is_not_null(),
            ),
            rule(
                gxe.ExpectColumnValuesToBeInSet,
                "label-unknown",
                "row",
                "Every finding is one of the vocabulary.",
                "has a finding outside the vocabulary",
                column="label",
                value_set=list(FINDINGS),
            ),
            image_rule(FRONTAL),
            rule(
                gxe.ExpectColumnValuesToNotBeNull,
                "patient-missing",
                "row",
                "Every image belongs to a patient, or to a group of images that look alike.",
                "belongs to no known patient",
                column="patient_id",
            ),
            rule(
                gxe.ExpectColumnValuesToMatchRegex,
                "patient-malformed",
                "row",
                "Every patient is named by a pseudonym of 32 hex digits.",
                "names its patient by no pseudonym",
                column="patient_id",
                regex=r"^[0-9a-f]{32}\Z",
            ),
            rule(
                ExpectColumnPairOneBForEachA,
                "patient-in-two-splits",
                "row",
                "All images of a patient are on one side of the split.",
                "is of a patient who stands on two sides of the split",
                column_A="patient_id",
                column_B="split",
            ),
            rule(
                gxe.ExpectColumnValuesToBeInSet,
                "split-unknown",
                "row",
                "Every image is on a side of the split.",
                "is on no side of the split",
                column="split",
                value_set=list(SPLITS),
            ),
            image_rule(AGE),
            rule(
                gxe.ExpectColumnValuesToBeInSet,
                "sex-unknown",
                "note",
                "Sex is F or M where it is given.",
                "has a sex other than F or M",
                column="sex",
                value_set=["F", "M"],
            ),
            rule(
                gxe.ExpectColumnValuesToBeNull,
                "metadata-problem",
                "note",
                "The source's own tables and sidecars are whole.",
                "has damaged or missing metadata",
                column="problem",
            ),
        ],
    )
