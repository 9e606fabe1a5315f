"""Many objects at a time: bounded work in threads, results in order, one failure alone."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar
from uuid import uuid4

from xray_model.errors import ConfigurationError, XrayError

Item = TypeVar("Item")
Result = TypeVar("Result")

BUDGET = 256 * 2**20
"""Bytes that may be read ahead of the consumer, where no other number is given."""

_WINDOW = 4
"""Items under way for each worker: one slow object then holds up none of the others."""

_RACERS = 8


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    weigh: Callable[[Item], int],
    budget: int = BUDGET,
) -> Iterator[tuple[Item, Result | XrayError]]:
    """Do `work` on `items` in threads and yield each with its result, in the order of the items.

    Args:
        work: called from several threads; an XrayError it raises is yielded in the result's place.
        items: consumed only as far as there is room.
        workers: threads; with one the items are done in the caller's own, each when it is asked for.
        weigh: bytes an item is expected to hold; the sum of those under way or waiting stays within `budget`,
            except that one item is always let in.
        budget: bytes that may be read ahead of the consumer.

    Yields:
        Item and result. Closing the generator cancels what has not begun.
    """
    if workers == 1:
        yield from ((item, _attempt(work, item)) for item in items)
        return
    supply = iter(items)
    waiting: deque[tuple[Item, int, Future[Result | XrayError]]] = deque()
    held, following = 0, next(supply, None)
    with ThreadPoolExecutor(workers, thread_name_prefix="transfer") as pool:
        try:
            while following is not None or waiting:
                while following is not None and len(waiting) < _WINDOW * workers:
                    weight = weigh(following)
                    if waiting and held + weight > budget:
                        break
                    waiting.append((following, weight, pool.submit(_attempt, work, following)))
                    held, following = held + weight, next(supply, None)
                item, weight, future = waiting.popleft()
                held -= weight
                yield item, future.result()
        finally:
            for _, _, future in waiting:
                future.cancel()


def read_many(
    read: Callable[[str], bytes], keys: Iterable[str], workers: int
) -> Iterator[tuple[str, bytes | XrayError]]:
    """`in_order` for objects of unknown size: few at first, then as many as the sizes seen so far allow."""
    guess = [BUDGET // 4]
    for key, data in in_order(read, keys, workers, lambda _: guess[0]):
        if isinstance(data, bytes):
            guess[0] = max(len(data), guess[0] * 9 // 10)
        yield key, data


def write_many(write: Callable[[str, bytes], None], items: Iterable[tuple[str, bytes]], workers: int) -> int:
    """Write all `items` in threads and return their number; the first error is raised after the last item."""
    written, failed = 0, None
    for _, error in in_order(lambda item: write(*item), items, workers, lambda item: len(item[1])):
        failed = failed or error
        written += error is None
    if failed:
        raise failed
    return written


def one_winner(create: Callable[[str, bytes], bool], delete: Callable[[str], None]) -> bool:
    """Whether exactly one of several `create` calls at once wins, and none afterwards.

    The race is small, so True says that the store honours create-only writes in all likelihood; False is certain.
    """
    key = f"probe-{uuid4().hex}"
    try:
        with ThreadPoolExecutor(_RACERS) as pool:
            wins = sum(pool.map(lambda racer: create(key, b"%d" % racer), range(_RACERS)))
        return wins == 1 and not create(key, b"late")
    except ConfigurationError:
        return False
    finally:
        delete(key)


def _attempt(work: Callable[[Item], Result], item: Item) -> Result | XrayError:
    try:
        return work(item)
    except XrayError as error:
        return error
