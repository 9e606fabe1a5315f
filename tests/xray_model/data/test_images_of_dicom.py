"""One picture in two kinds of file: as DICOM, and as a 16-bit PNG with what its header says in a sidecar."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xray_model.data.images import decode_image
from xray_model.data.phantoms.dicom import encode_dicom
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage

SIDE = 64


def picture(bits: int) -> np.ndarray[Any, Any]:
    """Stored values uint16 [90, 70] that use all `bits`."""
    rng = np.random.default_rng(3)
    slope = np.linspace(0, 1, 90)[:, None] * np.linspace(0.4, 1, 70)
    values: np.ndarray[Any, Any] = np.rint(np.clip(slope + rng.normal(0, 0.02, slope.shape), 0, 1) * (2**bits - 1))
    return values.astype(np.uint16)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize(
    ("hints", "tags"),
    [
        (DisplayHints(), {}),
        (DisplayHints(window=(500.0, 700.0)), {"WindowCenter": 500, "WindowWidth": 700}),
        (
            DisplayHints(window=(500.0, 700.0), window_function="SIGMOID"),
            {"WindowCenter": 500, "WindowWidth": 700, "VOILUTFunction": "SIGMOID"},
        ),
        (
            DisplayHints(window=(500.0, 1.0), window_function="LINEAR_EXACT"),
            {"WindowCenter": 500, "WindowWidth": 1, "VOILUTFunction": "LINEAR_EXACT"},
        ),
        (DisplayHints(monochrome1=True), {"PhotometricInterpretation": "MONOCHROME1"}),
    ],
)
def test_dicom_and_png_give_the_same_pixels(
    hints: DisplayHints, tags: dict[str, Any], bits: int, *, signed: bool
) -> None:
    """The same stored values under the same header look the same, whichever file they come in and signed or not."""
    buffer = io.BytesIO()
    Image.fromarray(picture(bits)).save(buffer, "PNG")
    png = decode_image(buffer.getvalue(), hints, SIDE)
    dicom = decode_image(encode_dicom(picture(bits), bits, signed=signed, tags=tags), DisplayHints(), SIDE)
    np.testing.assert_array_equal(dicom.pixels, png.pixels)
    assert (dicom.facts.phash, dicom.facts.window_path, dicom.facts.inverted) == (
        png.facts.phash,
        png.facts.window_path,
        png.facts.inverted,
    )
    assert dicom.facts.mode == tags.get("PhotometricInterpretation", "MONOCHROME2")


def test_a_dicom_file_that_is_cut_short_is_refused() -> None:
    """Half of a DICOM file is a reason, not a picture."""
    data = encode_dicom(picture(12), 12)
    with pytest.raises(UnreadableImage):
        decode_image(data[: len(data) // 2], DisplayHints(), SIDE)
