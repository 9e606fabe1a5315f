"""Pictures as files: what is written is what is read back."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from xray_model.data.images import decode_image
from xray_model.data.phantoms.encoding import Storage, encode_jpeg, encode_png, store_picture
from xray_model.data.records import DisplayHints


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
def test_a_png_holds_the_values_it_was_given(values: npt.NDArray[np.uint16]) -> None:
    """Pillow reads back every 16-bit value, whatever the shape."""
    with Image.open(io.BytesIO(encode_png(values))) as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image, dtype=np.uint16), values)


@given(
    bits=st.sampled_from([10, 12, 14, 15, 16]),
    black=st.floats(0.0, 0.2),
    white=st.floats(0.6, 1.0),
    monochrome1=st.booleans(),
)
def test_the_window_shows_the_picture_as_it_was_drawn(
    *, bits: int, black: float, white: float, monochrome1: bool
) -> None:
    """Stored at any depth, either way round, a picture comes back through window and photometric tag within 2 grays."""
    picture = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    storage = Storage(bits, black, white, monochrome1)
    values = store_picture(picture, storage)
    assert values.max() < 1 << bits
    hints = DisplayHints(monochrome1=monochrome1, window=storage.window, bits_stored=bits)
    pixels = decode_image(encode_png(values), hints, 64).pixels
    assert np.abs(pixels.astype(int) - np.rint(picture * 255).astype(int)).max() <= 2


@pytest.mark.parametrize(("colour", "mode"), [(False, "L"), (True, "RGB")])
def test_a_jpeg_is_gray_in_one_or_three_channels(*, colour: bool, mode: str) -> None:
    """Both kinds of JPEG show the picture."""
    picture = np.tile(np.linspace(0, 1, 48, dtype=np.float32), (40, 1))
    with Image.open(io.BytesIO(encode_jpeg(picture, 90, colour=colour))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", mode, (48, 40))
        assert np.abs(np.asarray(image.convert("L"), dtype=float) - picture * 255).mean() < 3
