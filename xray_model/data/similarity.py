"""Which perceptual hashes nearly agree: an exact search of a million, without an index to build, keep or trust.

A linear scan that stays in the processor's cache costs 1.3 nanoseconds a pair and core, whatever the hashes look like.
Tables of parts of the hash (multi-index hashing, Norouzi et al., CVPR 2012) would have to visit a thirtieth of all
pairs one by one for 40 bits of 256, and more where hashes resemble each other as those of chest X-rays do.
"""

import os
from binascii import unhexlify
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

NOWHERE = np.iinfo(np.int64).max
"""In place of an index: no hash is near."""

_DIGITS = 64

_AT_ONCE = 16_000_000
"""Pairs within a batch whose nearness is held at a time, in bytes: 20,000 copies of one picture are 200 million."""

_ROWS, _COLUMNS = 32, 4096
"""Pairs looked at together: their differences (1 MiB) stay in a core's second cache."""

_MANY = 100
"""Where more than one pair of so many is near in the fold, all of a tile are looked at whole."""

_TOGETHER = 256
"""Tiles after which the few pairs they left are looked at whole; one tile alone where it leaves many."""


def hash_words(phashes: pd.Series) -> Words:
    """uint64 [n, 4]: perceptual hashes of 64 hex digits as words whose bits can be counted."""
    if phashes.empty:  # of no type that could be cast, where no image of a batch can be read
        return np.empty((0, 4), np.uint64)
    column = pa.table({"phash": phashes})["phash"].cast(pa.binary(_DIGITS))
    # From Arrow's own memory: a million Python strings would cost a second.
    parts = [
        unhexlify(memoryview(chunk.buffers()[1])[_DIGITS * chunk.offset : _DIGITS * (chunk.offset + len(chunk))])
        for chunk in column.iterchunks()
        if len(chunk)
    ]
    return np.frombuffer(b"".join(parts), dtype=">u8").reshape(-1, 4).astype(np.uint64)


def near_matrix(left: Words, right: Words, bits: int) -> npt.NDArray[np.bool_]:
    """Whether hashes uint64 [n, 4] and [m, 4] differ in at most `bits` bits: bool [n, m]."""
    near = np.zeros((len(left), len(right)), np.bool_)
    rows, columns = np.ascontiguousarray(left.T), np.ascontiguousarray(right.T)
    folded = _fold(columns)

    def search(share: slice) -> None:
        here = rows[:, share]
        for across, down, hits in _tiles_alike_in_fold(_fold(here), folded, bits):
            tile = near[share][across, down]
            if len(hits) * _MANY > tile.size:
                distance = np.bitwise_count(here[:, across, None] ^ columns[:, None, down]).sum(axis=0, dtype=np.uint16)
                np.less_equal(distance, bits, out=tile)
            else:
                one, other = np.divmod(hits, tile.shape[1])
                differing = here[:, across][:, one] ^ columns[:, down][:, other]
                tile[one, other] = np.bitwise_count(differing).sum(axis=0, dtype=np.uint16) <= bits

    _share_out(search, len(left))
    return near


def near_within(words: Words, rows: npt.NDArray[np.intp], bits: int) -> Iterator[tuple[slice, npt.NDArray[np.bool_]]]:
    """Which of all hashes, uint64 [n, 4], are near those at `rows`, in blocks.

    Yields:
        The slice of `rows`, and bool [rows in it, n]; every hash is near itself.
    """
    for block in _blocks(len(rows), len(words)):
        yield block, near_matrix(words[rows[block]], words, bits)


def near_before(words: Words, bits: int) -> Iterator[tuple[slice, npt.NDArray[np.bool_]]]:
    """Which of the hashes up to its own, uint64 [n, 4], each is near, in blocks.

    Yields:
        A slice of the hashes, and bool [rows in it, end of the slice]; every hash is near itself.
    """
    for block in _blocks(len(words), len(words)):
        yield block, near_matrix(words[block], words[: block.stop], bits)


def first_near(left: Words, right: Words, groups: npt.NDArray[np.intp], bits: int) -> npt.NDArray[np.int64]:
    """The first hash of each group that differs in at most `bits` bits.

    Args:
        left: uint64 [n, 4].
        right: uint64 [m, 4].
        groups: [m], the group of each right hash, counted from 0 without a gap.
        bits: bits that may differ.

    Returns:
        int64 [n, number of groups]: indices into `right`, `NOWHERE` where none of the group is near.
    """
    found = np.full((len(left), int(groups.max(initial=-1)) + 1), NOWHERE, np.int64)
    rows, columns = np.ascontiguousarray(left.T), np.ascontiguousarray(right.T)
    folded = _fold(columns)

    def search(share: slice) -> None:
        _search(rows[:, share], columns, folded, groups, bits, found[share])

    _share_out(search, len(left))
    return found


def _fold(words: Words) -> Words:
    """128 bits of the 256, uint64 [2, n] of [4, n]: what differs in the fold differs in the whole.

    XOR evens out the bits that most radiographs share: of pairs of different patients 3 in 100,000 are within 40
    bits in their folds, and 1,400 in half of their bits.
    """
    return np.stack([words[0] ^ words[3], words[1] ^ words[2]])


def _search(
    rows: Words, columns: Words, folded: Words, groups: npt.NDArray[np.intp], bits: int, found: npt.NDArray[np.int64]
) -> None:
    """Write into `found` the first near columns of `rows`, both uint64 [4, n]; memory does not grow with the hits."""
    waiting: list[tuple[Places, Places]] = []
    for pair in _alike_in_fold(_fold(rows), folded, bits):
        waiting.append(pair)
        if len(waiting) == _TOGETHER or len(pair[0]) > _COLUMNS:
            _keep_first(waiting, rows, columns, groups, bits, found)
            waiting.clear()
    if waiting:
        _keep_first(waiting, rows, columns, groups, bits, found)


def _alike_in_fold(rows: Words, columns: Words, bits: int) -> Iterator[tuple[Places, Places]]:
    """Places of the rows and columns, uint64 [2, n], that differ in at most `bits` bits, tile by tile."""
    for across, down, hits in _tiles_alike_in_fold(rows, columns, bits):
        if len(hits):
            one, other = np.divmod(hits, down.stop - down.start)
            yield one + across.start, other + down.start


def _tiles_alike_in_fold(rows: Words, columns: Words, bits: int) -> Iterator[tuple[slice, slice, Places]]:
    """Tiles of all pairs, and the places in each, int64 [k], that differ in at most `bits` bits of their folds."""
    differing = np.empty(_ROWS * _COLUMNS, np.uint64)
    counts = np.empty((2, _ROWS * _COLUMNS), np.uint8)
    for across, down in _tiles(rows.shape[1], columns.shape[1]):
        shape = (across.stop - across.start, down.stop - down.start)
        cells = shape[0] * shape[1]
        for word, count in enumerate(counts[:, :cells]):
            tile = differing[:cells].reshape(shape)
            np.bitwise_xor(rows[word, across, None], columns[word, None, down], out=tile)
            np.bitwise_count(differing[:cells], out=count)
        distance = np.add(counts[0, :cells], counts[1, :cells], out=counts[0, :cells])
        yield across, down, np.flatnonzero(distance <= bits)


def _keep_first(
    pairs: list[tuple[Places, Places]],
    rows: Words,
    columns: Words,
    groups: npt.NDArray[np.intp],
    bits: int,
    found: npt.NDArray[np.int64],
) -> None:
    """Lower `found` to the first column of each group that is near in the whole hash as well."""
    here, there = (np.concatenate(places) for places in zip(*pairs, strict=True))
    earlier = found[here, groups[there]] > there
    here, there = here[earlier], there[earlier]
    near = np.bitwise_count(rows[:, here] ^ columns[:, there]).sum(axis=0, dtype=np.uint16) <= bits
    here, there = here[near], there[near]
    np.minimum.at(found, (here, groups[there]), there)


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, _AT_ONCE // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _share_out(search: Callable[[slice], None], rows: int) -> None:
    """Search an equal share of the rows in each of as many threads as there are cores."""
    threads = os.cpu_count() or 1
    edges = np.linspace(0, rows, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads, thread_name_prefix="near") as pool:
        for _ in pool.map(search, map(slice, edges, edges[1:])):
            pass


def _tiles(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles that cover all pairs; columns change last, so that they stay in the cache."""
    for left in range(0, columns, _COLUMNS):
        for top in range(0, rows, _ROWS):
            yield slice(top, min(top + _ROWS, rows)), slice(left, min(left + _COLUMNS, columns))
