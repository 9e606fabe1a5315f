"""What is known of the images that a model was trained on: where new ones lie among them, and which lie too far off."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray_model.evaluation.drift.frame import Axes
from xray_model.evaluation.strangeness import UNCHECKED, Strangeness

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Sight:
    """Of one model; empty where nothing is known yet."""

    axes: Axes | None = None
    """Of its reference, which the first night after its promotion makes."""
    strangeness: Strangeness | None = None
    """None too where it was judged on too few images."""

    @property
    def is_whole(self) -> bool:
        """Whether all is known that can be."""
        return self.axes is not None and self.strangeness is not None

    @property
    def unchecked(self) -> str | None:
        """What answers are not checked for, in a sentence for people; None where they are."""
        return UNCHECKED if self.strangeness is None else None

    def place(self, embedding: Floats) -> npt.NDArray[np.float32]:
        """Coordinates [n, k] of an embedding [n, d] on the axes; k is 0 where there are none."""
        return np.zeros((len(embedding), 0), np.float32) if self.axes is None else self.axes.project(embedding)

    def find_strange(self, embedding: Floats) -> npt.NDArray[np.bool_]:
        """Which images [n] are unlike those that are known, by their embedding [n, d]; none where none are known."""
        return np.zeros(len(embedding), bool) if self.strangeness is None else self.strangeness.find_strange(embedding)
