"""What a model's reference says of new images: where they lie on its axes, and which lie too far away."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storage.references import Reference
from xray_model.evaluation.drift.frame import Axes

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Sight:
    """Of one model and the snapshot that it was trained on."""

    axes: Axes

    def look(self, embedding: Floats) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Coordinates [n, k] of an embedding [n, d], and which images [n] are unlike the reference's."""
        coordinates = self.axes.project(embedding)
        return coordinates, np.zeros(len(coordinates), bool)


def fit_sight(reference: Reference) -> Sight | None:
    """What a reference says; None where it has no axes."""
    return None if reference.axes is None else Sight(Axes.from_array(reference.axes))
