"""The search for near hashes: what a plain loop over all pairs finds, however the work is divided."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data import similarity
from xray_model.data.similarity import NOWHERE, Words, first_near, hash_words, near_matrix, near_within

BITS = 40


def draw_words(seed: int, count: int, pictures: int = 4, flips: int = 60) -> Words:
    """Hashes of few pictures with up to `flips` bits turned, so that near, far and equal ones all occur."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (pictures, 256), dtype=np.uint8)[rng.integers(0, pictures, count)]
    for row, turned in zip(bits, rng.integers(0, flips + 1, count), strict=True):
        row[rng.choice(256, turned, replace=False)] ^= 1
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64)


def differing_bits(left: Words, right: Words) -> int:
    """Hamming distance of two hashes, counted without numpy's own counting."""
    return sum((int(a) ^ int(b)).bit_count() for a, b in zip(left, right, strict=True))


@given(seed=st.integers(0, 2**32), left=st.integers(0, 12), right=st.integers(0, 40), groups=st.integers(1, 3))
def test_first_near_equals_a_plain_loop(seed: int, left: int, right: int, groups: int) -> None:
    """The first near hash of each group is the one that a loop over all pairs meets first."""
    words, others = draw_words(seed, left), draw_words(seed, right)
    of = np.random.default_rng(seed).integers(0, groups, right)
    expected = np.full((left, int(of.max(initial=-1)) + 1), NOWHERE)
    for i in range(left):
        for j in reversed(range(right)):
            if differing_bits(words[i], others[j]) <= BITS:
                expected[i, of[j]] = j
    assert np.array_equal(first_near(words, others, of, BITS), expected)


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tiles and blocks, the last ones cut, give what one large one gives."""
    words, others = draw_words(1, 50), draw_words(1, 300)
    groups = np.arange(300) % 3
    whole, matrix = first_near(words, others, groups, BITS), near_matrix(words, others, BITS)
    monkeypatch.setattr(similarity, "_ROWS", 7)
    monkeypatch.setattr(similarity, "_COLUMNS", 11)
    monkeypatch.setattr(similarity, "_AT_ONCE", 1000)
    monkeypatch.setattr(similarity, "_TOGETHER", 3)
    assert np.array_equal(first_near(words, others, groups, BITS), whole)
    assert np.array_equal(near_matrix(words, others, BITS), matrix)
    blocks = list(near_within(others, np.arange(0, 300, 2), BITS))
    assert len(blocks) == 50
    assert np.array_equal(np.concatenate([near for _, near in blocks]), near_matrix(others[::2], others, BITS))


@pytest.mark.parametrize("bits", [0, 1, 39, 40, 41, 128, 256])
def test_bits_are_counted(bits: int) -> None:
    """Two hashes are near exactly when they differ in at most the allowed bits, wherever these stand."""
    turned = np.zeros(256, np.uint8)
    turned[np.random.default_rng(bits).choice(256, bits, replace=False)] = 1
    left = draw_words(5, 1)
    right = left ^ np.packbits(turned).view(">u8").astype(np.uint64)
    assert near_matrix(left, right, BITS).tolist() == [[bits <= BITS]]
    assert (first_near(left, right, np.zeros(1, np.intp), BITS) == 0).tolist() == [[bits <= BITS]]


def test_hex_digits_become_words() -> None:
    """The first 16 digits are the first word; no hashes are no words."""
    words = hash_words(pd.Series(["0" * 15 + "1" + "f" * 48]))
    assert words.tolist() == [[1, 2**64 - 1, 2**64 - 1, 2**64 - 1]]
    assert hash_words(pd.Series([], dtype=object)).shape == (0, 4)
