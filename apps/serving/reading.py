"""From the bytes of a file to what the model is asked, and what people are warned of."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from apps.serving.answers import Refused
from xray_model.data.bounds import Bounds
from xray_model.data.examining import Examined, examine_image
from xray_model.data.image_rules import find_warnings
from xray_model.errors import UnreadableImage
from xray_model.outcomes import ImageWarning


@dataclass(frozen=True, slots=True)
class ReadImage:
    """A file that holds an image."""

    image: Examined
    warnings: tuple[ImageWarning, ...]

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


def read_image(data: bytes, side: int, bounds: Bounds) -> ReadImage | Refused:
    """Decode a file and judge its picture by the bounds in force; what is no image is refused with a reason."""
    try:
        image = examine_image(data, side)
    except UnreadableImage as error:
        return Refused(hashlib.sha256(data).hexdigest(), str(error))
    return ReadImage(image, find_warnings(image, bounds))
