"""What a head is trained on and checked with: features, class numbers, patients, and further views of the images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating] | npt.NDArray[np.uint8]
"""What a network learns from: what a frozen part made of images, or their pixels."""
Targets = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LabelledFeatures:
    """One split."""

    features: Features
    """Float [n, ...]."""
    targets: Targets
    """Int [n], class numbers."""
    patients: npt.NDArray[np.str_] | None = None
    """Pseudonyms [n]; None where every image is another patient's."""
    views: Features | None = None
    """Float [k, n, ...]: features of k augmented views of each image; None where none were computed."""
