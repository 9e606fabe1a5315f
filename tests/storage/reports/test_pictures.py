"""Which images are shown, and as what files."""

from collections import Counter
from collections.abc import Callable
from io import BytesIO

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from storage.reports import Picture
from storage.reports.pictures import encode_jpeg, spread_pictures


@given(
    reasons=st.lists(st.sampled_from("abcde"), max_size=40),
    limit=st.integers(0, 30),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spread_gives_every_reason_its_share(
    make_picture: Callable[..., Picture], reasons: list[str], limit: int
) -> None:
    """The choice is as large as it may be, holds nothing twice, and favours no reason that has enough images."""
    pictures = [make_picture(number, reason) for number, reason in enumerate(reasons)]
    chosen = spread_pictures(pictures, limit)
    assert len(chosen) == min(limit, len(pictures))
    assert len({picture.image_id for picture in chosen}) == len(chosen)
    arrived, shown = Counter(reasons), Counter(picture.reasons[0] for picture in chosen)
    fewest = min((shown[reason] for reason in arrived if shown[reason] < arrived[reason]), default=limit)
    assert all(images <= fewest + 1 for images in shown.values())


def test_jpeg_keeps_size_and_grays() -> None:
    """A picture is a grayscale JPEG of the same size, close to the pixels."""
    pixels = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    with Image.open(BytesIO(encode_jpeg(pixels))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "L", (64, 48))
        assert np.abs(np.asarray(image).astype(int) - pixels).max() < 16
