"""Heat maps as pictures over an X-ray."""

import io

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from apps.console.heat import COLOURS, draw_heat
from apps.console.rendering import load_console_style


def paint(*strengths: float) -> npt.NDArray[np.uint8]:
    """What is drawn of a row of strengths: uint8 [n, 4]."""
    with Image.open(io.BytesIO(draw_heat(np.array([strengths], np.float32)))) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGBA")
        pixels: npt.NDArray[np.uint8] = np.asarray(picture)[0]
        return pixels


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=20))
def test_stronger_is_lighter_and_covers_more(strengths: list[float]) -> None:
    """Lightness and opacity never fall where the strength grows, so that no sense of colour is needed."""
    pixels = paint(*sorted(strengths)).astype(float)
    luminance = pixels[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -1.5).all()  # channels are rounded
    assert (np.diff(pixels[:, 3]) >= 0).all()


def test_nothing_is_drawn_where_nothing_spoke() -> None:
    """No strength is not seen, full strength covers, and what is beyond the range is cut."""
    assert paint(0.0, 1.0, 2.0, -1.0)[:, 3].tolist() == [0, 255, 255, 0]


def test_the_scale_beside_it_has_the_same_colours() -> None:
    """The style sheet's gradient runs through the colours that are drawn."""
    assert f"linear-gradient(90deg,{','.join(COLOURS)})" in load_console_style().decode()
    drawn = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue, _ in paint(0, 0.25, 0.5, 0.75, 1)]
    assert tuple(drawn) == COLOURS
