"""One thread that works on all that waits, several at a time."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Generic, TypeAlias, TypeVar

from apps.serving.errors import NotReady, QueueFull

Item = TypeVar("Item")
Result = TypeVar("Result")
_Waiting: TypeAlias = tuple[Item, Future[Result]]
_log = logging.getLogger(__name__)


class Batcher(Generic[Item, Result]):
    """Takes the largest batch of 1, 2, 4, 8 ... items that waits, and never waits for more.

    Who comes alone is so answered at once. A model is ready for these sizes: one between would be padded to the next,
    and of 20 images it would answer 32.

    Each item is answered once, in its own future. An error fails the items of its batch and no others.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Result]], most: int, waiting: int, name: str) -> None:
        """Start the thread.

        Args:
            run: a result for each of 1 to `most` items, in their order; called by the one thread.
            most: items of a batch; a power of two.
            waiting: items that may wait.
            name: of the thread.
        """
        self._run, self._most, self._limit = run, most, waiting
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that no batch has taken yet."""
        return len(self._queue)

    def submit(self, item: Item) -> Future[Result]:
        """Let an item be answered; its future may be cancelled until a batch takes it.

        Raises:
            QueueFull: too many wait.
            NotReady: it was closed.
        """
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                raise NotReady("the service is closing")
            if len(self._queue) >= self._limit:
                self._queue = deque(one for one in self._queue if not one[1].cancelled())
            if len(self._queue) >= self._limit:
                raise QueueFull(f"{self._limit} images wait already: ask again in a few seconds")
            self._queue.append((item, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Take nothing more; what waits is still answered, and then the thread ends."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, seconds: float) -> bool:
        """Wait for the thread to end after `close`; False where it has not by then."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while taken := self._take():
            self._answer([one for one in taken if one[1].set_running_or_notify_cancel()])

    def _take(self) -> list[_Waiting[Item, Result]]:
        """The next to be answered; none once it is closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            count = min(self._most, len(self._queue))
            return [self._queue.popleft() for _ in range(_power_of_two(count) if count else 0)]

    def _answer(self, batch: list[_Waiting[Item, Result]]) -> None:
        if not batch:
            return
        try:
            results = self._run([item for item, _ in batch])
            answered = list(zip(batch, results, strict=True))
        except Exception as error:  # noqa: BLE001 - each of its items gets it; the thread lives for the next
            _log.exception("a batch of %d failed", len(batch))
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in answered:
            future.set_result(result)


def _power_of_two(count: int) -> int:
    """The largest that is not above a count of at least 1."""
    return 1 << (count.bit_length() - 1)
