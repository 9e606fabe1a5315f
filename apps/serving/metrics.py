"""The service's own figures, for Prometheus."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from apps.serving.answers import Answered, Refused, ServiceState
from apps.serving.errors import NotReady, Overloaded

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class ServiceMetrics:
    """Counted while it answers, by the threads that do."""

    def __init__(self, state: Callable[[], ServiceState], waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "xray_predict_seconds", "How long requests took to be answered.", buckets=_SECONDS, registry=self.registry
        )
        self._requests = Counter(
            "xray_predict_requests", "Requests, by what came of them.", ["outcome"], registry=self.registry
        )
        self._images = Counter(
            "xray_predict_images", "Images of answered requests.", ["outcome"], registry=self.registry
        )
        self._batches = Histogram(
            "xray_predict_batch_images",
            "Images that the model answered at a time.",
            buckets=_SIZES,
            registry=self.registry,
        )
        self._lost = Counter(
            "xray_predict_log_rows_lost", "Rows of the log of predictions that are lost.", registry=self.registry
        )
        self._gauge("xray_predict_waiting", "Images that wait for the model.", waiting)
        self._gauge("xray_predict_ready", "Whether a model answers.", lambda: state().ready)
        self._gauge(
            "xray_predict_model_version", "Of the model that answers, 0 without one.", lambda: _version(state())
        )
        self._gauge(
            "xray_predict_unsure_since_timestamp_seconds",
            "When the ledger was last seen to name that model; 0 where it does now.",
            lambda: _unsure(state()),
        )
        self._gauge(
            "xray_predict_unkept",
            "Whether the copy of that model on this machine cannot be kept.",
            lambda: state().unkept is not None,
        )
        for outcome in ("answered", "not ready", "overloaded", "failed"):
            self._requests.labels(outcome)
        for outcome in ("answered", "refused"):
            self._images.labels(outcome)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request by how it ends, and time it where it is answered."""
        started, outcome = time.perf_counter(), "failed"
        try:
            yield
            outcome = "answered"
            self._seconds.observe(time.perf_counter() - started)
        except NotReady:
            outcome = "not ready"
            raise
        except Overloaded:
            outcome = "overloaded"
            raise
        finally:
            self._requests.labels(outcome).inc()

    def count_images(self, results: list[Answered | Refused]) -> None:
        """Count the images of an answered request."""
        refused = sum(isinstance(one, Refused) for one in results)
        self._images.labels("refused").inc(refused)
        self._images.labels("answered").inc(len(results) - refused)

    def count_batch(self, size: int) -> None:
        """Count a batch that the model answered."""
        self._batches.observe(size)

    def count_lost(self, rows: int) -> None:
        """Count rows of the log that are lost."""
        self._lost.inc(rows)

    def _gauge(self, name: str, told: str, read: Callable[[], float]) -> None:
        Gauge(name, told, registry=self.registry).set_function(read)


def _version(state: ServiceState) -> float:
    return 0 if state.model is None else state.model.version


def _unsure(state: ServiceState) -> float:
    return 0 if state.unsure_since is None else state.unsure_since.timestamp()
