"""From the bytes of a file to what the model is asked, and from what it says to an answer: one way for all who predict.

What answers lies between the two: the queue of the service, or the batches of a scoring.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xray_model.data.bounds import Bounds
from xray_model.data.examining import Examined, examine_image
from xray_model.data.image_rules import find_warnings
from xray_model.evaluation.strangeness import UNLIKE_TRAINING
from xray_model.outcomes import ImageWarning, Prediction, ServedModel


@dataclass(frozen=True, slots=True)
class ReadImage:
    """A file that holds an image."""

    image: Examined
    warnings: tuple[ImageWarning, ...]
    """By the bounds in force when it was read."""

    def facts(self) -> dict[str, Any]:
        """What the log of predictions keeps of the image beside its digest."""
        facts = self.image.facts
        return {
            "view": self.image.view,
            "sex": self.image.sex,
            "age": self.image.age,
            "manufacturer": self.image.manufacturer,
            "bits": facts.bits,
            "window_path": facts.window_path,
            **asdict(facts.quality),
        }

    def describe_answer(
        self, model: ServedModel, label: str, probabilities: Mapping[str, float], *, strange: bool
    ) -> Prediction:
        """A model's answer to it, with all that it is doubted for.

        Args:
            model: that answered.
            label: the class decided on.
            probabilities: by class.
            strange: whether the image is unlike those that the model was trained on.
        """
        return Prediction(
            image_id=self.image.image_id,
            label=label,
            probabilities=dict(probabilities),
            warnings=(*self.warnings, UNLIKE_TRAINING) if strange else self.warnings,
            version=model.version,
            snapshot_id=model.snapshot_id,
        )


def read_image(data: bytes, side: int, bounds: Bounds) -> ReadImage:
    """Decode a file, and judge its picture by the bounds in force.

    Args:
        data: a PNG, JPEG or DICOM file.
        side: of the canonical square, in pixels.
        bounds: those in force.

    Raises:
        UnreadableImage: as `examine_image`.
    """
    image = examine_image(data, side)
    return ReadImage(image, find_warnings(image, bounds))
