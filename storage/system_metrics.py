"""How busy the machine is while a model is trained: MLflow's own system metrics, in the training's run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_log = logging.getLogger(__name__)
_SECONDS = 5.0
"""Between two samples, where `MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL` does not say."""


@contextmanager
def watch_system(run_id: str, url: str) -> Iterator[None]:
    """Record processor, memory, disk, network and GPUs in a run for as long as the context lasts.

    A last sample is taken at the end, so that a run shorter than the interval has one too.

    Args:
        run_id: an MLflow run.
        url: MLflow's tracking URI.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, sampling_interval=_SECONDS, tracking_uri=url)
    # The processor's load is what it was since the same thread last asked: the last sample is that of the whole run.
    monitor.collect_metrics()
    _forget(monitor)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
    _forget(monitor)
    monitor.collect_metrics()
    try:
        monitor.publish_metrics(monitor.aggregate_metrics())
        monitor.mlflow_logger.flush()
    except MlflowException as error:
        # A training is not lost for want of how busy its machine was.
        _log.warning("the last system metrics of run %s could not be recorded: %s", run_id, error)


def _forget(monitor: "SystemMetricsMonitor") -> None:
    for source in monitor.monitors:
        source.clear_metrics()
