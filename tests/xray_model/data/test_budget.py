"""How many pixels are decoded at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data.budget import PixelBudget

TOTAL, FREE = 100, 5


@given(st.lists(st.integers(1, 150), max_size=25))
def test_pictures_together_stay_within_the_total(sizes: list[int]) -> None:
    """At no time do counted pictures hold more than the total, but for one that is alone; all get their turn."""
    budget, lock = PixelBudget(TOTAL, free=FREE), threading.Lock()
    inside: list[int] = []
    seen: list[list[int]] = []

    def decode(pixels: int) -> int:
        with budget.hold(pixels):
            with lock:
                inside.append(pixels)
                seen.append([held for held in inside if held > FREE])
            time.sleep(0)
            with lock:
                inside.remove(pixels)
        return pixels

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(decode, sizes)) == sizes
    assert all(sum(held) <= TOTAL or len(held) == 1 for held in seen)


def test_room_is_given_back_when_decoding_fails() -> None:
    """A picture that cannot be decoded keeps no room."""
    budget = PixelBudget(TOTAL, free=FREE)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), budget.hold(TOTAL):
            raise ValueError("damaged")
    with budget.hold(TOTAL):
        pass
