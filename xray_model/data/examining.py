"""One image that comes alone, as a person or a program sends it: decoded, described, and what its own header tells."""

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xray_model.data.dicom.signature import is_dicom
from xray_model.data.images import PixelFacts, Pixels, decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import InvalidInput, UnreadableImage

if TYPE_CHECKING:
    from xray_model.data.dicom.header import DicomHeader


@dataclass(frozen=True, slots=True)
class Examined:
    """An image without its name, and without whom it shows."""

    image_id: str
    """sha256 of the file's bytes, in hex."""
    pixels: Pixels
    """uint8 [side, side], canonical."""
    facts: PixelFacts
    view: str | None = None
    """`PA`, `AP`, `L` (lateral), or None when unknown: a file other than DICOM does not say."""
    sex: str | None = None
    """`F`, `M` or None."""
    age: float | None = None
    """Years."""
    manufacturer: str | None = None


def examine_image(data: bytes, side: int) -> Examined:
    """Decode the bytes of one file and read what its header says.

    Args:
        data: a PNG, JPEG or DICOM file.
        side: of the canonical square, in pixels.

    Raises:
        UnreadableImage: it cannot be decoded, or is no X-ray of a chest by its own header.
    """
    header = _read_header(data) if is_dicom(data) else None
    canonical = decode_image(data, DisplayHints(), side)
    image = Examined(hashlib.sha256(data).hexdigest(), canonical.pixels, canonical.facts)
    if header is None:
        return image
    return replace(image, view=header.view, sex=header.sex, age=header.age, manufacturer=header.manufacturer)


def _read_header(data: bytes) -> "DicomHeader":
    from xray_model.data.dicom.header import read_header  # not every image needs the library

    try:
        header = read_header(data)
    except InvalidInput as error:
        raise UnreadableImage("the DICOM header cannot be read: the file is damaged") from error
    if header.other_kind:
        raise UnreadableImage(f"the file is no chest X-ray by its own header: {header.other_kind}")
    return header
