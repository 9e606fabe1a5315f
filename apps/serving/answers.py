"""What the service says: of itself, and of the files that it is asked about."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from xray_model.outcomes import Prediction, ServedModel


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What the service can do now."""

    model: ServedModel | None
    """The one that answers."""
    ready: bool
    """Whether an image would be answered."""
    reason: str | None
    """Why none would be, or why another model might be in service by now; None where all is well."""
    unsure_since: datetime | None
    """When the ledger was last seen to name this model, where that is not so now: registry or store are down, or the
    new champion cannot be loaded."""
    unchecked: str | None = None
    """What the model's answers are not checked for, in a sentence for people; None where they are."""
    unkept: str | None = None
    """Why this machine cannot keep the copy that it would start with while the store is down; None where it does."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A model's answer to one file."""

    prediction: Prediction
    model: ServedModel
    """That answered."""
    pixels: npt.NDArray[np.uint8]
    """[side, side], canonical: what the model saw."""
    heat: npt.NDArray[np.float32] | None
    """[side, side], 0 to 1: what speaks for the class decided on; None where it was not asked for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that cannot be answered: no image, or one that the model makes no numbers of."""

    image_id: str
    """sha256 of the file's bytes, in hex."""
    reason: str
    """A sentence for people."""
