"""The queue before the model: every item answered once, whatever happens beside it."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.serving.batching import Batcher
from apps.serving.errors import NotReady, QueueFull

PATIENCE = 20.0


@contextmanager
def held(most: int = 4, waiting: int = 8) -> Iterator[tuple[Batcher[int, int], threading.Event, list[list[int]]]]:
    """A batcher that doubles numbers, busy with -1 until it is let go, and the batches it has seen."""
    begun, go = threading.Event(), threading.Event()
    batches: list[list[int]] = []

    def double(items: Sequence[int]) -> list[int]:
        batches.append([*items])
        begun.set()
        assert go.wait(PATIENCE)
        return [2 * item for item in items]

    batcher: Batcher[int, int] = Batcher(double, most, waiting, "test")
    batcher.submit(-1)
    assert begun.wait(PATIENCE)
    try:
        yield batcher, go, batches
    finally:
        go.set()
        batcher.close()
        assert batcher.join(PATIENCE)


@settings(max_examples=80, deadline=None)
@given(
    count=st.integers(0, 40),
    most=st.integers(1, 9),
    failing=st.sets(st.integers(0, 39), max_size=6),
    left_out=st.sets(st.integers(0, 39), max_size=6),
    cancelled=st.sets(st.integers(0, 39)),
)
def test_each_item_is_answered_once_in_its_own_future(
    count: int, most: int, failing: set[int], left_out: set[int], cancelled: set[int]
) -> None:
    """Whatever fails or is cancelled, each future ends: with the answer to its item, or the error of its own batch."""
    batches: list[list[int]] = []

    def triple(batch: Sequence[int]) -> list[int]:
        batches.append([*batch])
        if failing.intersection(batch):
            raise ValueError("this batch")
        return [3 * item for item in batch if item not in left_out]

    batcher: Batcher[int, int] = Batcher(triple, most, 100, "test")
    futures = []
    for item in range(count):
        futures.append(batcher.submit(item))
        if item in cancelled:
            futures[item].cancel()
    batcher.close()
    assert batcher.join(PATIENCE)
    taken = [item for batch in batches for item in batch]
    assert taken == [item for item in range(count) if not futures[item].cancelled()]
    for batch in batches:
        assert 1 <= len(batch) <= most
        broken = bool((failing | left_out).intersection(batch))
        assert [futures[item].exception() is not None for item in batch] == [broken] * len(batch)
        assert broken or [futures[item].result() for item in batch] == [3 * item for item in batch]


@given(before=st.integers(0, 10), after=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_nothing_is_taken_after_the_end(before: int, after: int) -> None:
    """What came before is answered; what comes later is refused at once."""
    batcher: Batcher[int, int] = Batcher(list, 4, 100, "test")
    futures = [batcher.submit(item) for item in range(before)]
    batcher.close()
    for item in range(after):
        with pytest.raises(NotReady):
            batcher.submit(item)
    assert [future.result(PATIENCE) for future in futures] == list(range(before))


def test_what_waits_is_taken_together_and_what_comes_alone_at_once() -> None:
    """A batch is what waits, in sizes that the model is ready for and in the order in which it came."""
    with held(most=4) as (batcher, go, batches):
        futures = [batcher.submit(item) for item in range(7)]
        go.set()
        assert [future.result(PATIENCE) for future in futures] == [0, 2, 4, 6, 8, 10, 12]
        assert batches == [[-1], [0, 1, 2, 3], [4, 5], [6]]
        assert batcher.submit(7).result(PATIENCE) == 14


def test_no_more_wait_than_may() -> None:
    """Who comes on top is told at once; a place is free again once somebody who waited has gone away."""
    with held(waiting=3) as (batcher, go, batches):
        futures = [batcher.submit(item) for item in range(3)]
        with pytest.raises(QueueFull, match="3 images wait"):
            batcher.submit(3)
        assert batcher.waiting == 3
        futures[1].cancel()
        last = batcher.submit(4)
        go.set()
        assert last.result(PATIENCE) == 8
        with pytest.raises(CancelledError):
            futures[1].result()
    assert [item for batch in batches for item in batch] == [-1, 0, 2, 4]


def test_closing_answers_what_waits() -> None:
    """Nobody who was let in goes away without an answer."""
    with held() as (batcher, go, _):
        future = batcher.submit(5)
        batcher.close()
        with pytest.raises(NotReady):
            batcher.submit(6)
        assert not batcher.join(0.01)
        go.set()
        assert future.result(PATIENCE) == 10


def test_many_threads_get_their_own_answers() -> None:
    """Items of many threads are never mixed up."""
    batcher: Batcher[int, int] = Batcher(lambda items: [item + 1 for item in items], 8, 10_000, "test")
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda item: batcher.submit(item).result(PATIENCE), range(2_000))
    assert [*answers] == list(range(1, 2_001))
    batcher.close()
    assert batcher.join(PATIENCE)
