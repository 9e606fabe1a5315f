"""Shards: pixels in the memory of the file that they become."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.shards import ShardBuffer, array_bytes, load_array
from xray_model.errors import InvalidInput


@given(st.integers(0, 120), st.data())
def test_a_buffer_holds_the_file_of_its_first_images(images: int, data: st.DataObject) -> None:
    """Encoding the first k images gives the very bytes of their array, also where its header is shorter."""
    kept = data.draw(st.integers(0, images))
    buffer = ShardBuffer(images, 3)
    buffer.pixels[:] = np.random.default_rng(images).integers(0, 256, buffer.pixels.shape)
    expected = buffer.pixels[:kept].copy()
    encoded = bytes(buffer.encode(kept))
    assert encoded == array_bytes(expected)
    assert np.array_equal(load_array(encoded, "key"), expected)


@pytest.mark.parametrize("array", [np.zeros((0, 4), np.float16), np.arange(6.0).reshape(2, 3)], ids=["empty", "floats"])
def test_arrays_come_back(array: np.ndarray) -> None:
    """What was encoded is loaded again, with its type and shape."""
    loaded = load_array(array_bytes(array), "key")
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    assert np.array_equal(loaded, array)


def test_a_damaged_array_is_refused() -> None:
    """Bytes that are cut short name the key, and are never unpickled."""
    with pytest.raises(InvalidInput, match="shards/x"):
        load_array(array_bytes(np.arange(100))[:-5], "shards/x")
