"""What all tasks share: how they are retried."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from xray_model.errors import StoreUnavailable

P = ParamSpec("P")
R = TypeVar("R")


def stage_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task that is retried when the store fails, and only then: bad input does not get better by trying again.

    The stages keep their own results in the store, so Prefect caches nothing.
    """
    return task(
        name=name,
        retries=3,
        retry_delay_seconds=[2, 10, 30],
        retry_condition_fn=_store_failed,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def _store_failed(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    failure = state.data if isinstance(state.data, BaseException) else getattr(state.data, "exception", None)
    return isinstance(failure, StoreUnavailable)
