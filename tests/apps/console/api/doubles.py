"""A service in place of the real one: it decodes as that does, and answers what the test says."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from apps.serving.service import Answered, PredictionService, Refused, ServiceState
from tests.scoring import served_model
from xray_model.data.images import decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage, XrayError
from xray_model.outcomes import ImageWarning, Prediction

MODEL = served_model(version=3, snapshot_id="s3", classes=("normal", "covid"), minority="covid")
_ALL_WELL = ServiceState(MODEL, ready=True, reason=None, unsure_since=None)
_SIDE = 64


@dataclass
class FakeService(PredictionService):
    """Answers `covid` to every image, with a heat map that grows from left to right."""

    now: ServiceState = _ALL_WELL
    failure: XrayError | None = None
    asked: list[tuple[int, bool, bool]] = field(default_factory=list)
    """By request: files, whether heat maps were wanted, and whether the log was."""

    def state(self) -> ServiceState:
        """As the test set it."""
        return self.now

    async def answer(
        self, files: Sequence[bytes], *, explain: bool = False, record: bool = True
    ) -> list[Answered | Refused]:
        """At once."""
        self.asked.append((len(files), explain, record))
        if self.failure is not None:
            raise self.failure
        return [_answer(data, explain=explain) for data in files]

    def loses_its_model(self) -> None:
        """From now on no model answers."""
        self.now = replace(self.now, model=None, ready=False, reason="no model was promoted yet")


def _answer(data: bytes, *, explain: bool) -> Answered | Refused:
    image_id = hashlib.sha256(data).hexdigest()
    try:
        pixels = decode_image(data, DisplayHints(), _SIDE).pixels
    except UnreadableImage as error:
        return Refused(image_id, str(error))
    prediction = Prediction(
        image_id=image_id,
        label="covid",
        probabilities={"normal": 0.25, "covid": 0.75},
        warnings=(ImageWarning(code="lateral", text="It looks like a lateral view."),),
        version=MODEL.version,
        snapshot_id=MODEL.snapshot_id,
    )
    heat = np.tile(np.linspace(0, 1, _SIDE, dtype=np.float32), (_SIDE, 1)) if explain else None
    return Answered(prediction, MODEL, pixels, heat)
