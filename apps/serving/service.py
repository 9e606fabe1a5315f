"""The service that predicts: files in, answers of the model in service out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry

from apps.serving.limits import ServiceLimits
from storage.objects import Objects
from storage.registry import Registry
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
    """When the ledger was last seen to name this model, where that is not so now: the registry or store is down, or the
    new champion cannot be loaded."""


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
    """A file that is no image which can be answered."""

    image_id: str
    """sha256 of the file's bytes, in hex."""
    reason: str
    """A sentence for people."""


class PredictionService:
    """The model in service, behind a queue. It starts at once, and is ready once a model is loaded.

    `start`, `close` and `state` may be called from any thread; `answer` from one event loop at a time.
    """

    metrics: CollectorRegistry
    """Its figures, for Prometheus."""

    def __init__(
        self, objects: Objects, registry: Registry, side: int, home: Path, limits: ServiceLimits | None = None
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begin to load the model in service, in the background: nothing is waited for."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is under way, write the log, and stop. Nothing can be asked any more."""
        raise NotImplementedError

    def state(self) -> ServiceState:
        """What it can do now; costs nothing."""
        raise NotImplementedError

    async def answer(
        self, files: Sequence[bytes], *, explain: bool = False, record: bool = True
    ) -> list[Answered | Refused]:
        """Answer to some files, in their order, all with one model.

        Args:
            files: PNG, JPEG or DICOM files, one image each.
            explain: whether a heat map comes with each answer.
            record: whether the answers go to the log that drift is found by: not those to drawn examples.

        Raises:
            NotReady: no model is loaded, or the service closes.
            Overloaded: too much waits, or the answer took too long. Ask again in a few seconds.
            InvalidInput: more files than `ServiceLimits.waiting`, which no waiting helps.
        """
        raise NotImplementedError
