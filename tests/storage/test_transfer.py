"""Work in threads: in order, within its bounds, one failure alone."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.objects.transfer import in_order, read_many
from xray_model.errors import ObjectNotFound, XrayError


@settings(max_examples=30, deadline=None)
@given(delays=st.lists(st.integers(0, 3), max_size=40), workers=st.integers(1, 8))
def test_results_come_in_the_order_of_the_items(delays: list[int], workers: int) -> None:
    """However long each item takes, results are in the order of the items, errors in their places."""

    def work(item: tuple[int, int]) -> int:
        time.sleep(item[1] / 1000)
        if item[1] == 2:
            raise ObjectNotFound("two")
        return item[0]

    items = list(enumerate(delays))
    results = list(in_order(work, items, workers, lambda _: 1))
    assert [item for item, _ in results] == items
    for (number, delay), result in results:
        assert isinstance(result, XrayError) if delay == 2 else result == number


def test_no_more_is_read_ahead_than_the_budget() -> None:
    """Items under way or waiting never weigh more than the budget, and one too heavy goes alone."""
    held, most, lock = 0, 0, threading.Lock()
    weights = [30, 30, 30, 30, 250, 30, 90, 20, 1, 1] * 4

    def work(weight: int) -> int:
        nonlocal held, most
        with lock:
            held += weight
            most = max(most, held)
        time.sleep(0.002)
        return weight

    for weight, _ in in_order(work, weights, 8, lambda weight: weight, budget=100):
        with lock:
            held -= weight
    assert most <= 250 + 100
    assert held == 0


def test_objects_of_unknown_size_begin_slowly() -> None:
    """Before the first size is known, few objects are read, however many workers there are."""
    begun = []
    release = threading.Event()

    def read(key: str) -> bytes:
        begun.append(key)
        release.wait(5)
        return b"x"

    reading = read_many(read, map(str, range(100)), 32)
    first = threading.Thread(target=lambda: next(reading))
    first.start()
    time.sleep(0.1)
    assert len(begun) == 4
    release.set()
    first.join()
    assert len(list(reading)) == 99


def test_errors_that_are_not_ours_are_raised() -> None:
    """A fault in the work itself is not mistaken for a bad object."""
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda item: 1 // item, [1, 0], 2, lambda _: 1))
