"""One task for each shard, a bounded number at a time: in threads of this process, or on a Dask cluster.

Dask moves arguments of some kilobytes and no results: pixels and features go through the store.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from prefect import Task
from prefect.futures import PrefectFuture

from storage.settings import LOCAL_DASK, Settings
from tasks.feature_shards import features_computed_by
from xray_model.errors import ConfigurationError
from xray_model.progress import advance

MOST_THREADS = 8
"""Of one process: each holds a shard, 50 MB, and more would wait for each other; Dask's workers are processes."""
_MOST_PROCESSES = 8
"""Of a cluster of this machine's own: each may hold TensorFlow and a network, half a gigabyte and more."""

_CONNECT_SECONDS = 10

Submit = Callable[[Task[..., Any], Mapping[str, Any]], PrefectFuture[Any]]


class ShardRunner:
    """Where the tasks of one flow run are done, and how many at a time."""

    def __init__(self, submit: Submit, at_once: int) -> None:
        self._submit, self._at_once = submit, at_once

    def run(self, task: Task[..., Any], calls: Sequence[Mapping[str, Any]], stage: str) -> list[Any]:
        """Do a task once for each of `calls`, its arguments by name, and give the results in their order.

        When one fails the others under way are waited for, so that none still works when the flow clears up.

        Args:
            task: that of one shard.
            calls: its arguments.
            stage: what progress calls it.

        Raises:
            Exception: what the first task that failed raised, after its retries.
        """
        results: list[Any] = []
        under_way: deque[PrefectFuture[Any]] = deque()
        try:
            for call in calls:
                if len(under_way) >= self._at_once:
                    results.append(under_way.popleft().result())
                under_way.append(self._submit(task, call))
                advance(stage, len(results), len(calls))
            while under_way:
                results.append(under_way.popleft().result())
                advance(stage, len(results), len(calls))
        finally:
            for future in under_way:
                future.wait()
        return results


@contextmanager
def shard_runner(scheduler: str | None, at_once: int | None) -> Iterator[ShardRunner]:
    """Open the runner of a flow run; to be used inside the flow.

    Args:
        scheduler: address of a Dask scheduler (`tcp://host:8786`); `LOCAL_DASK` for processes of this machine, which
            end with the context; None for threads of this process.
        at_once: shards under way; None for one more than there are cores, so that they have work while a shard is
            written, and in this process for no more than `MOST_THREADS`.

    Raises:
        ConfigurationError: the extra `dask` is not installed, or no scheduler answers.
    """
    if scheduler is None:
        threads = min((os.cpu_count() or 1) + 1, MOST_THREADS)
        yield ShardRunner(lambda task, call: task.submit(**call), at_once or threads)
        return
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise ConfigurationError(
            "a Dask scheduler is named (XRAY_DASK, or the flow's parameter), and prefect-dask is not installed: "
            "pip install 'xray-pipeline[dask]'"
        ) from error
    where = {"cluster_kwargs": _own_cluster()} if scheduler == LOCAL_DASK else {"address": scheduler}
    with DaskTaskRunner(**where, client_kwargs={"timeout": _CONNECT_SECONDS}) as runner:
        try:
            cores = sum(runner.client.nthreads().values())
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"no Dask scheduler answers at {scheduler}. Start one (dask scheduler, dask worker), or leave XRAY_DASK"
                " and the flow's parameter empty to work in this process."
            ) from error
        yield ShardRunner(lambda task, call: runner.submit(task, parameters=dict(call)), at_once or cores + 1)


@contextmanager
def features_over_shards() -> Iterator[None]:
    """Tasks called within let the workers of XRAY_DASK compute features; without it they do that themselves.

    The cluster is connected to, or started, when the first feature is missing.
    """
    scheduler = Settings().dask
    if scheduler is None:
        yield
        return
    with ExitStack() as opened:

        @cache
        def runner() -> ShardRunner:
            return opened.enter_context(shard_runner(scheduler, None))

        with features_computed_by(lambda task, calls, stage: runner().run(task, calls, stage)):
            yield


def _own_cluster() -> dict[str, Any]:
    """Of `distributed.LocalCluster`: one shard for each process, whose memory is bounded no more than a thread's."""
    processes = min(os.cpu_count() or 1, _MOST_PROCESSES)
    return {"n_workers": processes, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
