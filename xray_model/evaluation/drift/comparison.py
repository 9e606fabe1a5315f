"""New images put beside known ones, ready to be measured."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.evaluation.drift.columns import FrameColumn
from xray_model.outcomes import ClassShare


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    """A column that both samples hold enough of."""

    column: FrameColumn
    method: str
    """Evidently's name of the distance: `wasserstein` for numbers, `jensenshannon` for categories."""
    threshold: float
    """Distance from which on it has moved: what chance would not explain, and no less than what is worth watching."""
    null: npt.NDArray[np.float64]
    """Distances [permutations] that chance alone makes between samples of these sizes."""
    weight: float = 1.0
    """Part of a distance that counts: less than 1 where the reference varies less than is worth telling."""


@dataclass(frozen=True, slots=True)
class DomainTest:
    """How well a classifier tells the new images from the reference by their embedding."""

    auc: float
    threshold: float
    null: npt.NDArray[np.float64]
    drifted: tuple[str, ...]
    """Image ids of new images, the least like the reference first."""
    typical: tuple[str, ...]
    """Image ids of the reference, the most like all of it first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two samples of one image per patient, and how far from each other chance alone would put them."""

    current: pd.DataFrame
    reference: pd.DataFrame
    """Frames with the same columns: numbers float64 with NaN for what is missing, categories as strings with `unknown`.

    A finding, and the model's answer, is missing (None) where there is none: only images that have one are compared.
    """
    columns: tuple[ComparedColumn, ...]
    domain: DomainTest | None
    classes: tuple[ClassShare, ...]
    notes: tuple[str, ...]
    """What could not be compared, and why, as sentences."""
    new_sources: tuple[str, ...]
    """Sources of compared images that the reference does not have enough of."""
    images: int
    patients: int
    """New ones, before the sample was drawn."""
    reference_images: int
    by_source: bool = True
    """Whether sources were put beside themselves."""
    first_sources: tuple[str, ...] = ()
    """Sources that the reference does not have enough of, whose images were left out beside those of known ones."""
    too_few: str = ""
    """Why nothing at all could be compared."""
