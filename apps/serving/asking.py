"""Asking store and registry for what may be long in coming, or never come."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from xray_model.errors import StoreUnavailable

Found = TypeVar("Found")


def ask(find: Callable[[], Found]) -> Future[Found]:
    """What a function finds, asked in a thread that nobody has to wait for."""
    asked: Future[Found] = Future()

    def work() -> None:
        try:
            asked.set_result(find())
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            asked.set_exception(error)

    Thread(target=work, name="xray-asking", daemon=True).start()
    return asked


def wait_for_answer(asked: Future[Found], seconds: float | None) -> Found:
    """What was found, or the error that was raised instead.

    Args:
        asked: by `ask`.
        seconds: that are waited; for ever where None.

    Raises:
        StoreUnavailable: nothing was said by then.
    """
    try:
        return asked.result(seconds)
    except TimeoutError as error:
        raise StoreUnavailable(
            f"neither store nor registry said within {seconds:g} seconds which model is in service"
        ) from error
