"""The drawn X-rays that a model is tried on."""

import pytest

from apps.console.phantoms import PHANTOMS, encode_phantom
from xray_model.data.images import decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import ObjectNotFound


@pytest.mark.parametrize("name", PHANTOMS)
def test_each_can_be_read(name: str) -> None:
    """The file is one that the service takes, and it is the same each time."""
    content = encode_phantom(name)
    assert decode_image(content, DisplayHints(), 64).pixels.std() > 5
    encode_phantom.cache_clear()
    assert encode_phantom(name) == content


def test_the_inverted_one_is_bright_where_there_is_air() -> None:
    """It is the healthy one with black and white exchanged."""
    healthy, inverted = (
        decode_image(encode_phantom(name), DisplayHints(), 64).pixels for name in ("normal", "inverted")
    )
    rows = slice(8, 56)
    assert abs(healthy[rows, rows].astype(int) + inverted[rows, rows] - 255).max() < 16


def test_there_is_no_other() -> None:
    """A name that is not listed is refused."""
    with pytest.raises(ObjectNotFound):
        encode_phantom("../covid")
