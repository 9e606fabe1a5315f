"""Canonical pixels by batch: uint8 arrays [n, side, side], each written once before its batch is committed."""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.objects import Objects
from xray_model.errors import InvalidInput

Pixels = npt.NDArray[np.uint8]
_MOST_HEADER = 256
"""Bytes that hold the header of any shard."""
_SHARD_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '\|u1', 'fortran_order': False, 'shape': "
    rb"\(([0-9]{1,9}), ([1-9][0-9]{0,4}), ([1-9][0-9]{0,4})\), \} *\n",
    re.DOTALL,
)
"""The header of a shard as `array_bytes` writes it."""


@dataclass(frozen=True, slots=True)
class ShardPlaces:
    """Some rows of a frame that lie in one shard."""

    batch_id: str
    shard: int
    positions: npt.NDArray[np.intp]
    """Positions in the frame, int [k]."""
    rows: npt.NDArray[np.intp]
    """Rows in the shard, int [k]."""


def shard_key(batch_id: str, shard: int) -> str:
    """Key of one shard."""
    return f"shards/{batch_id}/{shard:04d}.npy"


def array_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """An array in NumPy's own format, without pickles."""
    # Joined and not saved: saving to memory would hold the pixels three times.
    return b"".join([_header(array.dtype, array.shape), np.ascontiguousarray(array).data])


def _header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


class ShardBuffer:
    """Pixels written in the memory of the file they become: a copy of a shard costs as much as ten of its images."""

    def __init__(self, images: int, side: int) -> None:
        """Black pixels for so many images."""
        shape = (images, side, side)
        header = _header(np.dtype(np.uint8), shape)
        self._data = np.zeros(len(header) + images * side * side, np.uint8)
        self.pixels: Pixels = self._data[len(header) :].reshape(shape)
        """uint8 [images, side, side]."""

    def encode(self, images: int) -> memoryview:
        """The first so many images in NumPy's own format, equal to their `array_bytes`."""
        header = _header(self.pixels.dtype, (images, *self.pixels.shape[1:]))
        room = len(self._data) - self.pixels.nbytes
        if len(header) != room:  # a shape of fewer digits may take less
            return memoryview(array_bytes(self.pixels[:images]))
        self._data[:room] = np.frombuffer(header, np.uint8)
        return self._data[: room + images * self.pixels[:1].nbytes].data


def load_array(data: bytes, key: str) -> npt.NDArray[np.generic]:
    """Read what `array_bytes` made.

    Raises:
        InvalidInput: the bytes are cut short or no array.
    """
    try:
        array: npt.NDArray[np.generic] = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError, tokenize.TokenError) as error:  # NumPy parses the header
        raise InvalidInput(f"{key} in the store is damaged: it does not hold a whole array") from error
    return array


def load_shard(objects: Objects, batch_id: str, shard: int) -> Pixels:
    """One shard's pixels, uint8 [n, side, side].

    Raises:
        ObjectNotFound: there is no such shard.
        InvalidInput: it is damaged.
    """
    key = shard_key(batch_id, shard)
    return load_array(objects.get(key), key).astype(np.uint8, copy=False)


def load_image(objects: Objects, batch_id: str, shard: int, row: int) -> Pixels:
    """One image of a shard, uint8 [side, side], without reading the others.

    Raises:
        ObjectNotFound: there is no such shard.
        InvalidInput: it is damaged, or has no such row.
    """
    key = shard_key(batch_id, shard)
    (images, height, width), start = _read_header(objects, key)
    size = height * width
    data = objects.get_range(key, start + row * size, size) if 0 <= row < images else b""
    if len(data) != size:
        raise InvalidInput(f"{key} in the store is damaged, or has no row {row}")
    return np.frombuffer(data, np.uint8).reshape(height, width)


def count_images(objects: Objects, batch_id: str, shard: int) -> int:
    """How many images a shard has, without reading them.

    Raises:
        ObjectNotFound: there is no such shard.
        InvalidInput: it is damaged.
    """
    (images, _, _), _ = _read_header(objects, shard_key(batch_id, shard))
    return images


def _read_header(objects: Objects, key: str) -> tuple[tuple[int, int, int], int]:
    """Images, height and width of a shard, and at which byte its pixels begin."""
    found = _SHARD_HEADER.match(objects.get_range(key, 0, _MOST_HEADER))
    if found is None:
        raise InvalidInput(f"{key} in the store is damaged: it does not begin as a shard")
    images, height, width = (int(number) for number in found.groups())
    return (images, height, width), found.end()


def iterate_pixels(objects: Objects, rows: pd.DataFrame) -> Iterator[tuple[npt.NDArray[np.intp], Pixels]]:
    """Pixels of `rows` (`batch_id`, `shard`, `row`), one shard at a time.

    Yields:
        Positions in `rows`, int [k], and their pixels, uint8 [k, side, side].
    """
    for place in group_by_shard(rows):
        yield place.positions, load_shard(objects, place.batch_id, place.shard)[place.rows]


def group_by_shard(rows: pd.DataFrame) -> Iterator[ShardPlaces]:
    """Where `rows` (`batch_id`, `shard`, `row`) lie, in the order of batches and shards."""
    frame = rows[["batch_id", "shard", "row"]].reset_index(drop=True)
    for _, group in frame.groupby(["batch_id", "shard"], sort=True):
        batch_id, shard = str(group["batch_id"].iat[0]), int(group["shard"].to_numpy(dtype=np.intp)[0])
        yield ShardPlaces(batch_id, shard, group.index.to_numpy(), group["row"].to_numpy(dtype=np.intp))
