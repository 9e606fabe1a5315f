"""From rows of the catalog and the champion's answers to a drift frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import entr

from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.columns import COLUMNS, EMBEDDING, EMBEDDING_AXES, IDENTITY

Floats = npt.NDArray[np.floating]

_DERIVED = frozenset({"sharpness", "age_recorded", "predicted", "uncertainty"})
_FLAT = 1e-6
"""Variance, as a part of the widest axis's, below which an axis is rounding error."""


@dataclass(frozen=True, slots=True)
class Axes:
    """The principal axes of the reference's embedding, on which every embedding is put."""

    mean: npt.NDArray[np.float64]
    """[d]"""
    components: npt.NDArray[np.float64]
    """[k, d], of length 1, the widest first; k is at most `EMBEDDING_AXES`."""
    scales: npt.NDArray[np.float64]
    """[k]: standard deviations of the reference along them."""

    def project(self, embedding: Floats) -> npt.NDArray[np.float32]:
        """Coordinates [n, k] of an embedding [n, d], in standard deviations of the reference."""
        if embedding.shape[1] != len(self.mean):
            raise InvalidInput(
                f"the embedding has {embedding.shape[1]} features, the reference's axes {len(self.mean)}: they are of "
                "different models, make the reference anew"
            )
        return ((embedding - self.mean) @ self.components.T / self.scales).astype(np.float32)

    def to_array(self) -> npt.NDArray[np.float64]:
        """The mean, and below it each component as long as its scale: [1 + k, d], for a store."""
        return np.vstack([self.mean, self.components * self.scales[:, None]])

    @classmethod
    def from_array(cls, array: Floats) -> Self:
        """The axes that `to_array` was taken of."""
        scales = np.linalg.norm(array[1:], axis=1)
        return cls(array[0].astype(np.float64), array[1:] / scales[:, None], scales)


def fit_axes(embedding: Floats) -> Axes:
    """The axes of a reference's embedding [n, d]; rows with a NaN are left out.

    Raises:
        InvalidInput: fewer than two rows, or all alike.
    """
    known = embedding[np.isfinite(embedding).all(axis=1)].astype(np.float64)
    if len(known) < 2:  # noqa: PLR2004 - one point has no axis
        raise InvalidInput(f"{len(known)} images of the reference have an embedding; axes need two or more")
    mean = known.mean(axis=0)
    centred = known - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(known))
    kept = np.flatnonzero(variances > max(_FLAT * variances[-1], np.finfo(np.float64).tiny))[-EMBEDDING_AXES:][::-1]
    if not len(kept):
        raise InvalidInput("the embedding of all images of the reference is the same: the model sees nothing")
    components = vectors[:, kept].T
    # An axis has no direction of its own: its largest part points up, so that the same data give the same axes.
    signs = np.sign(np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1))
    return Axes(mean, components * signs, np.sqrt(variances[kept]))


def build_frame(
    rows: pd.DataFrame,
    classes: Sequence[str],
    probabilities: Floats | None,
    predicted: Sequence[str | None] | None,
    embedding: Floats | None,
    axes: Axes | None,
) -> pd.DataFrame:
    """What of each image is compared; what is not known of any is no column.

    Args:
        rows: `IDENTITY`, and what the catalog knows: quality figures, bits, window_path, manufacturer, view, sex, age
            in years, label.
        classes: in the order of the probabilities.
        probabilities: [n, classes]; NaN where the model was not asked, or has learned from the image.
        predicted: the class chosen for each image; None likewise.
        embedding: [n, d]; NaN likewise.
        axes: of the reference; needed with an embedding.

    Raises:
        InvalidInput: an embedding without axes, or of another model.
    """
    rows = rows.reset_index(drop=True)
    taken = [name for name in (*IDENTITY, *(column.name for column in COLUMNS)) if name in rows]
    frame = rows[[name for name in dict.fromkeys(taken) if name not in _DERIVED]].copy()
    if "sharpness" in rows:
        frame["sharpness"] = np.log1p(pd.to_numeric(rows["sharpness"]).astype(np.float64))
    if "age" in rows:
        frame["age_recorded"] = np.where(rows["age"].notna(), "yes", "no")
    if "bits" in rows:
        frame["bits"] = rows["bits"].astype("Int64").astype("string")
    if probabilities is not None:
        known = np.asarray(probabilities, np.float64)
        frame[[f"p_{label}" for label in classes]] = known
        frame["uncertainty"] = entr(known).sum(axis=1) / np.log(2)
        if predicted is not None:
            frame["predicted"] = [
                name if np.isfinite(own).all() else None for name, own in zip(predicted, known, strict=True)
            ]
    if embedding is not None:
        if axes is None:
            raise InvalidInput("an embedding is compared on the reference's axes, and none were given")
        coordinates = axes.project(embedding)
        frame[list(EMBEDDING[: coordinates.shape[1]])] = coordinates
    return frame
