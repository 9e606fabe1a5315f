"""One image that comes alone: what it is told apart by, and what its own header adds."""

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xray_model.data.examining import examine_image
from xray_model.data.images import decode_image
from xray_model.data.phantoms.dicom import encode_dicom
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage

SIDE = 64
HEADER = {"ViewPosition": "LL", "PatientSex": "F", "PatientAge": "063Y", "Manufacturer": "Agfa", "PatientName": "A^B"}


def picture() -> np.ndarray[Any, Any]:
    """Stored values uint16 [150, 140]."""
    return np.random.default_rng(3).integers(0, 4096, (150, 140)).astype(np.uint16)


def png() -> bytes:
    """The picture as a PNG of 16 bits."""
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "PNG")
    return buffer.getvalue()


def test_image_is_described_as_ingest_does() -> None:
    """Pixels and facts are those of the decoder, the id is the hash of the bytes, and a PNG tells nothing else."""
    found, expected = examine_image(png(), SIDE), decode_image(png(), DisplayHints(), SIDE)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.facts == expected.facts
    assert found.image_id == hashlib.sha256(png()).hexdigest()
    assert (found.view, found.sex, found.age, found.manufacturer) == (None, None, None, None)


def test_dicom_header_tells_view_sex_age_and_maker() -> None:
    """What a DICOM header tells is kept, but for whom it shows."""
    found = examine_image(encode_dicom(picture(), 12, tags=HEADER), SIDE)
    assert (found.view, found.sex, found.age, found.manufacturer) == ("L", "F", 63.0, "Agfa")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "CT"}, "CT image"),
        ({"Modality": "US"}, "DICOM file that is no X-ray"),
        ({"BodyPartExamined": "HAND"}, "image of another body part"),
    ],
)
def test_what_is_no_chest_x_ray_by_its_header_is_refused(tags: dict[str, str], reason: str) -> None:
    """A file that ingest passes over is not answered either, and the reason is that of ingest's count."""
    with pytest.raises(UnreadableImage, match=f"no chest X-ray by its own header: {reason}"):
        examine_image(encode_dicom(picture(), 12, tags=tags), SIDE)


@pytest.mark.parametrize(
    "data", [b"", b"no image", png()[:200], encode_dicom(picture(), 12)[:300], b"\0" * 128 + b"DICM" + b"\xff" * 50]
)
def test_damaged_file_is_refused(data: bytes) -> None:
    """What cannot be read is an error of one kind, whatever is wrong with it."""
    with pytest.raises(UnreadableImage):
        examine_image(data, SIDE)
