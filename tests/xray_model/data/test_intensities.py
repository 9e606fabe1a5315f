"""Gray levels of pictures without their padding."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xray_model.data.images import decode_image
from xray_model.data.intensities import crop_padding, find_level, measure_levels
from xray_model.data.records import DisplayHints


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 90), st.integers(8, 90))
def test_the_crop_is_what_was_padded(width: int, height: int) -> None:
    """Of a picture without black every pixel stays and no padding does, whatever its shape."""
    file = io.BytesIO()
    Image.new("L", (width, height), 180).save(file, "PNG")
    image = decode_image(file.getvalue(), DisplayHints(), 64)
    aspect = image.facts.quality.aspect
    content = crop_padding(image.pixels, aspect)
    assert content.size == (image.pixels > 0).sum()
    assert measure_levels(image.pixels, aspect)[180] == 1


@pytest.mark.parametrize("aspect", [float("nan"), 0.0, -1.0, float("inf")])
def test_all_pixels_count_where_the_shape_is_not_known(aspect: float) -> None:
    """A missing or senseless aspect leaves the pixels as they are."""
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert crop_padding(pixels, aspect) is pixels
    assert measure_levels(pixels, aspect).sum() == pytest.approx(1)


@pytest.mark.parametrize(("part", "level"), [(0.05, 10), (0.5, 10), (0.51, 200), (0.95, 200)])
def test_level_below_which_a_part_lies(part: float, level: int) -> None:
    """Of two levels with half of the pixels each, the lower has the first half."""
    shares = np.zeros(256)
    shares[[10, 200]] = 0.5
    assert find_level(shares, part) == level
