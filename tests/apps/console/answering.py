"""A service that answers as a test says, without a model: it decodes, and tells inverted pictures by their corners."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import numpy as np
import numpy.typing as npt

from apps.serving.errors import NotReady
from apps.serving.service import Answered, PredictionService, Refused, ServiceState
from tests.scoring import served_model
from xray_model.data.images import decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage, XrayError
from xray_model.outcomes import ImageWarning, Interval, Prediction

SIDE = 224
MODEL = served_model(
    version=6,
    backbone="MobileNetV2",
    minority_f1=Interval(value=0.86, low=0.82, high=0.9),
    test_patients=412,
)
READY = ServiceState(MODEL, ready=True, reason=None, unsure_since=None)
LOADING = ServiceState(None, ready=False, reason="the model in service is being loaded", unsure_since=None)
UNSURE = replace(READY, reason="the store does not answer", unsure_since=datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
INVERTED = ImageWarning(code="inverted", text="It looks inverted.")


class AnsweringService:
    """What the console asks of a `PredictionService`."""

    def __init__(self, state: ServiceState = READY, probabilities: tuple[float, float] = (0.14, 0.86)) -> None:
        self.current = state
        self.probabilities = probabilities
        self.label = "covid" if probabilities[0] > probabilities[1] else "normal"
        self.failure: XrayError | None = None
        """Raised instead of an answer."""
        self.explains = True
        """Whether heat maps have anything in them."""
        self.recorded: list[bool] = []
        """For each request, whether its answers would go to the log."""

    def as_service(self) -> PredictionService:
        """Itself, as the console is given it."""
        return cast("PredictionService", self)

    def state(self) -> ServiceState:
        """What it can do now."""
        return self.current

    async def answer(
        self, files: Sequence[bytes], *, explain: bool = False, record: bool = True
    ) -> list[Answered | Refused]:
        """The same answer to every file that can be read."""
        if self.failure is not None:
            raise self.failure
        if not self.current.ready:
            raise NotReady(str(self.current.reason))
        self.recorded.append(record)
        return [self._answer(content, explain=explain) for content in files]

    def _answer(self, content: bytes, *, explain: bool) -> Answered | Refused:
        image_id = hashlib.sha256(content).hexdigest()
        try:
            pixels = decode_image(content, DisplayHints(), SIDE).pixels
        except UnreadableImage as error:
            return Refused(image_id, str(error))
        prediction = Prediction(
            image_id=image_id,
            label=self.label,
            probabilities=dict(zip(MODEL.classes, self.probabilities, strict=True)),
            warnings=(INVERTED,) if pixels[:20, SIDE // 2 + 60 :].mean() > 128 else (),
            version=MODEL.version,
            snapshot_id=MODEL.snapshot_id,
        )
        return Answered(prediction, MODEL, pixels, draw_blob() * self.explains if explain else None)


def draw_blob() -> npt.NDArray[np.float32]:
    """Heat in the left lung: float32 [SIDE, SIDE], 0 to 1."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    heat: npt.NDArray[np.float32] = np.exp(-((rows - 0.6) ** 2 + (columns - 0.7) ** 2) / 0.02).astype(np.float32)
    return heat
