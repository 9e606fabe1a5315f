"""Whether an image is unlike all that a model was trained on: a photograph, another part of the body, a lateral view.

A class is all that a classifier can answer, whatever it is shown. So what it sees of an image is compared with what it
sees of images of the kind that it was trained on, but did not learn from.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from xray_model.errors import InvalidInput
from xray_model.outcomes import ImageWarning

Floats = npt.NDArray[np.floating]

UNLIKE_TRAINING = ImageWarning(
    code="unlike-training",
    text="It looks unlike the images that the model was trained on: a lateral view, say, or no chest at all.",
)
LEAST_KNOWN = 100
"""Images without which nothing is called strange: of so few the furthest are found by chance."""
UNCHECKED = (
    "What is unlike the images that this model was trained on, such as a photograph, is answered without a warning: "
    "there is nothing to compare it with. A night with new images makes up for that where the model was judged on "
    f"{LEAST_KNOWN} images or more."
)
"""What a person is told of a model that calls nothing strange."""
MOST_KNOWN = 2000
"""Images that are kept of more: a sample tells the distance of the nearest as well."""
SHARE = 0.999
"""Of known images, those that are no further from the nearest of another patient than the limit."""
_EXACT = 1e-6
"""Share of an embedding's length that distances are exact to: what lies nearer than that cannot be told apart."""
_SEED = 20


@dataclass(frozen=True, slots=True)
class Strangeness:
    """What a model sees of known images, and how far from the nearest of them an image may be."""

    known: npt.NDArray[np.float32]
    """[m, d]: embeddings."""
    limit: float

    def find_strange(self, embedding: Floats) -> npt.NDArray[np.bool_]:
        """Which of embeddings [n, d] are further from every known image than the limit, or no numbers at all.

        Raises:
            InvalidInput: they are of another model.
        """
        if embedding.shape[1] != self.known.shape[1]:
            raise InvalidInput(
                f"the embedding has {embedding.shape[1]} features, the known images {self.known.shape[1]}: they are of "
                "different models"
            )
        strange, sound = np.ones(len(embedding), np.bool_), np.flatnonzero(np.isfinite(embedding).all(axis=1))
        if len(sound):
            strange[sound] = _measure_distances(embedding[sound], self.known).min(axis=1) > self.limit
        return strange

    def to_array(self) -> npt.NDArray[np.float32]:
        """The limit, in all places of the first row, and the known images below: [1 + m, d], for a store."""
        return np.vstack([np.full(self.known.shape[1], self.limit, np.float32), self.known])

    @classmethod
    def from_array(cls, array: npt.NDArray[Any]) -> Self:
        """The strangeness that `to_array` was taken of."""
        return cls(array[1:].astype(np.float32), float(array[0, 0]))


def fit_strangeness(embedding: Floats, patients: npt.NDArray[np.str_]) -> Strangeness:
    """How far images that a model did not learn from lie from the nearest of another patient.

    It is the distance to the nearest neighbour in all dimensions of the embedding (Sun et al. 2022). Measured on a
    MobileNetV2 with a hidden layer and the 560 test images of four public sources, 31 of 32 photographs are strange,
    all noise and all pages of text, 15 of 20 lateral phantoms, and none of 1,622 other X-rays of these sources. On the
    16 axes by which drift is watched 7 of the photographs are: what makes an image strange is not what X-rays differ
    by. Of the X-rays of a source that a model never saw, 1 % to 6 % are strange.

    Args:
        embedding: [n, d]; rows with a NaN are left out.
        patients: pseudonyms [n].

    Raises:
        InvalidInput: fewer than `LEAST_KNOWN` images, or all of one patient.
    """
    sound = np.flatnonzero(np.isfinite(embedding).all(axis=1))
    if len(sound) < LEAST_KNOWN:
        raise InvalidInput(f"{len(sound)} images have an embedding; {LEAST_KNOWN} are needed to tell what is strange")
    chosen = np.sort(np.random.default_rng(_SEED).permutation(sound)[:MOST_KNOWN])
    known, owners = embedding[chosen].astype(np.float32), patients[chosen]
    distances = _measure_distances(known, known)
    distances[owners[:, None] == owners] = np.inf
    nearest = distances.min(axis=1)
    if not np.isfinite(nearest).all():
        raise InvalidInput("all images are of one patient: that does not tell how far patients lie from each other")
    rounding = _EXACT * float(np.linalg.norm(known, axis=1).max())
    return Strangeness(known, float(np.float32(np.quantile(nearest, SHARE) + rounding)))


def _measure_distances(one: Floats, other: Floats) -> npt.NDArray[np.float64]:
    """Euclidean distances [n, m] of [n, d] and [m, d], by a product of matrices; see `_EXACT`.

    As scikit-learn computes them, which would take the service half a second to import.
    """
    one, other = one.astype(np.float64), other.astype(np.float64)
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    distances: npt.NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
    return distances
