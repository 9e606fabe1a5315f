"""Shards: pixels in the memory of the file that they become."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.shards import ShardBuffer, array_bytes, load_array, load_image, shard_key
from storage.store import Store
from xray_model.errors import InvalidInput, ObjectNotFound


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


def test_one_image_is_read_without_the_others(store: Store) -> None:
    """It is the image in that row; a row beyond, another array or half a file is refused, and no shard not found."""
    pixels = np.random.default_rng(3).integers(0, 256, (5, 4, 4)).astype(np.uint8)
    encoded = array_bytes(pixels)
    for shard, data in enumerate([encoded, array_bytes(pixels.astype(np.float64)), encoded[:-1], b"no array"]):
        store.objects.put(shard_key("b", shard), data)
    for row in range(5):
        assert np.array_equal(load_image(store.objects, "b", 0, row), pixels[row])
    for shard, row in [(0, 5), (0, -1), (1, 0), (2, 4), (3, 0)]:
        with pytest.raises(InvalidInput, match="damaged"):
            load_image(store.objects, "b", shard, row)
    with pytest.raises(ObjectNotFound):
        load_image(store.objects, "b", 9, 0)
