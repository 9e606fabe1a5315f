"""Shards: pixels in the memory of the file that they become."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.objects import open_objects
from storage.shards import ShardBuffer, array_bytes, count_images, load_array, load_image, shard_key
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
    assert count_images(store.objects, "b", 0) == 5
    for row in range(5):
        assert np.array_equal(load_image(store.objects, "b", 0, row), pixels[row])
    for shard, row in [(0, 5), (0, -1), (1, 0), (2, 4), (3, 0)]:
        with pytest.raises(InvalidInput, match="damaged"):
            load_image(store.objects, "b", shard, row)
    with pytest.raises(ObjectNotFound):
        load_image(store.objects, "b", 9, 0)


@given(
    st.dictionaries(st.integers(0, 127), st.sampled_from(b"(),-'\"{}:0123456789\\\n|fu\xff"), min_size=1, max_size=4)
)
def test_a_damaged_head_is_refused_or_harmless(damage: dict[int, int]) -> None:
    """Whatever has become of the bytes before the pixels, an image comes or a refusal, and nothing else."""
    encoded = bytearray(array_bytes(np.zeros((3, 8, 8), np.uint8)))
    for place, byte in damage.items():
        encoded[place] = byte
    with TemporaryDirectory() as folder:
        objects = open_objects(Path(folder).as_uri())
        objects.put(shard_key("b", 0), bytes(encoded))
        with suppress(InvalidInput):
            assert load_image(objects, "b", 0, 1).ndim == 2


@pytest.mark.parametrize("shape", [(), (3,), (3, 8), (3, 0, 0), (3, 8, 8, 4)])
def test_an_array_that_holds_no_images_is_no_shard(store: Store, shape: tuple[int, ...]) -> None:
    """Another number of axes, or images without pixels, are refused."""
    store.objects.put(shard_key("b", 0), array_bytes(np.zeros(shape, np.uint8)))
    with pytest.raises(InvalidInput, match="does not begin as a shard"):
        load_image(store.objects, "b", 0, 0)


@pytest.mark.parametrize("head", [b"{'descr': '|u1', 'x", b"{'descr': ',u1', 'fortran_order': False, 'shape': (3,), }"])
def test_a_head_that_cannot_be_parsed_is_damage(head: bytes) -> None:
    """NumPy parses it as Python; what that stumbles over names the key."""
    with pytest.raises(InvalidInput, match="shards/x"):
        load_array(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head, "shards/x")
