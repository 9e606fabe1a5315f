"""A model's answers as a page shows them: with their pictures inside, for neither is kept anywhere."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from apps.console.heat import draw_heat
from apps.serving.service import Answered, Refused
from storage.reports.pictures import SHORT_ID, encode_jpeg
from xray_model.outcomes import Prediction, ServedModel


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer to one image."""

    place: int
    """From 1, in the order that the images were sent."""
    prediction: Prediction
    model: ServedModel
    """That answered."""
    picture: str
    """What the model saw, as an address that holds it."""
    explained: bool
    """Whether a heat map was asked for."""
    heat: str | None
    """The heat map as such an address; None where there is none, or nothing in it."""
    reason: None = None

    @property
    def short_id(self) -> str:
        """The start of the image id."""
        return self.prediction.image_id[:SHORT_ID]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Classes and probabilities, the most probable first."""
        return sorted(self.prediction.probabilities.items(), key=lambda one: -one[1])


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """A file without an answer."""

    place: int
    image_id: str
    reason: str

    @property
    def short_id(self) -> str:
        """The start of the image id."""
        return self.image_id[:SHORT_ID]


Shown = ShownAnswer | ShownRefusal


def show_answers(answers: Sequence[Answered | Refused]) -> list[Shown]:
    """All answers in their order; draws their pictures, some ten milliseconds each."""
    return [
        ShownRefusal(place, one.image_id, one.reason) if isinstance(one, Refused) else _show(place, one)
        for place, one in enumerate(answers, start=1)
    ]


def _show(place: int, answered: Answered) -> ShownAnswer:
    heat = answered.heat
    return ShownAnswer(
        place,
        answered.prediction,
        answered.model,
        picture=_hold("image/jpeg", encode_jpeg(answered.pixels)),
        explained=heat is not None,
        heat=_hold("image/png", draw_heat(heat)) if heat is not None and heat.any() else None,
    )


def _hold(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"
