"""The drift frame: what of each image is compared, one row per image.

Beside `IDENTITY` a frame has those of `NUMBERS`, `CATEGORIES`, `p_<class>` and `EMBEDDING` that are known of its
images; a missing column is told of, never a failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xray_model.outcomes import DriftFamily

Kind = Literal["number", "category"]

IDENTITY = ("image_id", "patient_id", "source")
"""Pseudonyms, and the source by which new images are put beside known ones."""
EMBEDDING_AXES = 16
EMBEDDING = tuple(f"e_{axis:02d}" for axis in range(EMBEDDING_AXES))
"""float32: the champion's embedding on the principal axes of the reference's, each in standard deviations."""

RECORDED = "_recorded"
"""After the name of a number: whether it is known."""

EMBEDDING_NAME = "embedding"
"""All of them together, as one column of an outcome."""


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """A column that is compared by itself."""

    name: str
    word: str
    """What a steward calls it."""
    family: DriftFamily
    kind: Kind
    more: str = ""
    """What new images are where a number has grown: "The images are `more`"."""
    less: str = ""
    least: float = 0.0
    """Standard deviation of a number, in its own unit, below which the reference counts as varying by so much."""


COLUMNS = (
    FrameColumn("mean", "brightness", DriftFamily.QUALITY, "number", "brighter", "darker", least=5),
    FrameColumn("std", "contrast", DriftFamily.QUALITY, "number", "richer in contrast", "flatter", least=2),
    FrameColumn(
        "entropy", "gray levels used", DriftFamily.QUALITY, "number", "finer in gray", "coarser in gray", least=0.1
    ),
    FrameColumn(
        "sharpness", "sharpness", DriftFamily.QUALITY, "number", "sharper or noisier", "more blurred", least=0.1
    ),
    FrameColumn(
        "saturated", "pure black or white", DriftFamily.QUALITY, "number", "more clipped", "less clipped", least=0.02
    ),
    FrameColumn("border", "empty border", DriftFamily.QUALITY, "number", "more framed", "less framed", least=0.02),
    FrameColumn("aspect", "width over height", DriftFamily.QUALITY, "number", "wider", "narrower", least=0.02),
    FrameColumn(
        "inversion",
        "likeness to a negative",
        DriftFamily.QUALITY,
        "number",
        "more like negatives",
        "less so",
        least=0.5,
    ),
    FrameColumn("bits", "bits stored", DriftFamily.QUALITY, "category"),
    FrameColumn("window_path", "how gray levels were made", DriftFamily.QUALITY, "category"),
    FrameColumn("manufacturer", "scanner maker", DriftFamily.QUALITY, "category"),
    FrameColumn("source", "source", DriftFamily.POPULATION, "category"),
    FrameColumn("view", "view", DriftFamily.POPULATION, "category"),
    FrameColumn("sex", "sex", DriftFamily.POPULATION, "category"),
    FrameColumn("age", "age", DriftFamily.POPULATION, "number", "older", "younger", least=1),
    FrameColumn("age_recorded", "whether the age is recorded", DriftFamily.POPULATION, "category"),
    FrameColumn("label", "finding", DriftFamily.POPULATION, "category"),
    FrameColumn("predicted", "predicted finding", DriftFamily.PREDICTION, "category"),
    FrameColumn(
        "uncertainty", "uncertainty", DriftFamily.PREDICTION, "number", "harder to tell", "easier to tell", least=0.02
    ),
)
"""Of every frame; the probabilities `p_<class>` are numbers of the family `prediction` beside them.

`sharpness` is compared by the logarithm of itself and 1, `age_recorded` is `yes` or `no`, and `uncertainty` is the
entropy of the probabilities in bits.
"""

NUMBERS = tuple(column.name for column in COLUMNS if column.kind == "number")
CATEGORIES = tuple(column.name for column in COLUMNS if column.kind == "category")


def list_columns(classes: Sequence[str]) -> tuple[FrameColumn, ...]:
    """Every column that is compared by itself, with the probabilities of these classes."""
    return (
        *COLUMNS,
        *(
            FrameColumn(f"p_{label}", f"probability of {label}", DriftFamily.PREDICTION, "number", least=0.02)
            for label in classes
        ),
    )


def name_record(column: FrameColumn) -> FrameColumn:
    """Whether a number is known of an image, `yes` or `no`: a column that is compared where new images lack it."""
    return FrameColumn(f"{column.name}{RECORDED}", f"missing {column.word}", column.family, "category")
