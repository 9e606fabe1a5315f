"""What a strategy is given, and what it makes of it."""

from dataclasses import dataclass, field

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.feeding import NumberedBatches, ShuffledBatches
from xray_model.network.samples import Features, LabelledFeatures, Targets

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A training split and how its classes are filled."""

    train: LabelledFeatures
    classes: tuple[str, ...]

    @property
    def counts(self) -> Targets:
        """Int [classes]: images of each class."""
        return np.bincount(self.train.targets, minlength=len(self.classes))

    @property
    def one_hot(self) -> npt.NDArray[np.float32]:
        """Float32 [n, classes]."""
        return one_hot(self.train.targets, len(self.classes))

    def of_class(self, place: int) -> Indices:
        """Positions of the images of one class."""
        return np.flatnonzero(self.train.targets == place)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch of training is made of."""

    features: Features
    """Float [m, ...]."""
    targets: npt.NDArray[np.float32]
    """Float32 [m, classes]: shares of the classes in each image, 0 or 1 where none is mixed."""
    counts: Floats
    """Float [classes]: images of each class that an epoch amounts to, weights and shares included."""
    weights: npt.NDArray[np.float32] | None = None
    """Float32 [m]: weight of each image in the loss; None where all weigh 1."""
    loss: keras.losses.Loss = field(default_factory=keras.losses.CategoricalCrossentropy)
    batches: NumberedBatches | None = None
    """Draws the batches of an epoch from `features`; None where each is seen once, in any order."""
    note: str = ""
    """What a reader of the report must know beyond the counts."""

    def feed(self, batch_size: int, seed: int) -> NumberedBatches:
        """The batches that Keras sees."""
        if self.batches is not None:
            return self.batches
        return ShuffledBatches(self.features, self.targets, self.weights, batch_size, seed)


def one_hot(targets: Targets, classes: int) -> npt.NDArray[np.float32]:
    """Float32 [n, classes] of class numbers [n]."""
    return np.eye(classes, dtype=np.float32)[targets]
