"""Comparisons made by hand, for the tests of what Evidently makes of them."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from xray_model.evaluation.drift.columns import FrameColumn, list_columns
from xray_model.evaluation.drift.comparison import ComparedColumn, Comparison, DomainTest
from xray_model.evaluation.drift.distances import METHODS

EVERY_COLUMN = list_columns(("covid", "normal"))


def pick(*names: str) -> tuple[FrameColumn, ...]:
    """Columns of the drift frame by their names."""
    return tuple(column for column in EVERY_COLUMN if column.name in names)


def compare(
    current: Mapping[str, object],
    reference: Mapping[str, object],
    columns: Iterable[FrameColumn],
    threshold: float = 0.2,
    domain: DomainTest | None = None,
) -> Comparison:
    """A comparison of these columns of two frames, all with one threshold."""
    sides = pd.DataFrame(dict(current)), pd.DataFrame(dict(reference))
    return Comparison(
        current=sides[0],
        reference=sides[1],
        columns=tuple(ComparedColumn(item, METHODS[item.kind], threshold, np.zeros(200)) for item in columns),
        domain=domain,
        classes=(),
        notes=(),
        new_sources=(),
        images=len(sides[0]),
        patients=len(sides[0]),
        reference_images=len(sides[1]),
    )


def tell_apart(auc: float, threshold: float = 0.56) -> DomainTest:
    """A domain test with this ROC AUC."""
    return DomainTest(
        auc, threshold, np.random.default_rng(0).normal(0.5, 0.02, 1000), ("secret-image-1",), ("secret-image-2",)
    )


def full_comparison(images: int, known: int, shift: float = 0.0, values: int = 3) -> Comparison:
    """All columns of two samples, the numbers `shift` standard deviations apart, and ids that no report may show."""
    rng = np.random.default_rng(0)

    def frame(rows: int, mean: float) -> dict[str, object]:
        ids = {"image_id": [f"secret-image-{row}" for row in range(rows)], "patient_id": ["secret-patient"] * rows}
        return ids | {
            column.name: rng.normal(mean, 1, rows).astype(np.float32)
            if column.kind == "number"
            else rng.choice([f"{column.name} {value}" for value in range(values)], rows)
            for column in EVERY_COLUMN
        }

    return compare(frame(images, shift), frame(known, 0), EVERY_COLUMN, domain=tell_apart(0.8))
