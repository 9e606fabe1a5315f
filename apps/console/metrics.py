"""`/metrics`: the figures of the store, and of the service that predicts, for Prometheus."""

import time
from threading import Lock

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.exposition import generate_latest

from apps.console.access.scraping import Scraper
from apps.console.dependencies import OpenedService
from apps.serving.service import PredictionService
from storage.desk import Desk
from storage.metrics import render_metrics

router = APIRouter()

_KEPT_SECONDS = 15.0


class Scrapes:
    """The figures, read once for all who ask within a quarter of a minute."""

    def __init__(self, desk: Desk, kept_seconds: float = _KEPT_SECONDS) -> None:
        self._desk = desk
        self._kept_seconds = kept_seconds
        self._lock = Lock()
        self._read: tuple[float, bytes] | None = None

    def render(self) -> bytes:
        """The figures, at most `kept_seconds` old.

        Raises:
            XrayError: see `render_metrics`; what was read before is not shown in its place.
        """
        with self._lock:  # who comes while they are read waits for them, instead of reading the same again
            if self._read is None or time.monotonic() - self._read[0] > self._kept_seconds:
                self._read = None
                content = render_metrics(self._desk)
                self._read = time.monotonic(), content
            return self._read[1]


@router.get("/metrics")
def show_metrics(request: Request, visitor: Scraper) -> Response:  # noqa: ARG001 - asked for its check
    """What a Prometheus server scrapes."""
    scrapes: Scrapes = request.app.state.scrapes
    service: PredictionService | None = request.app.state.service
    own = b"" if service is None else generate_latest(service.metrics)
    return Response(scrapes.render() + own, media_type=CONTENT_TYPE_LATEST)


@router.get("/metrics/predictions")
def show_predictions(visitor: Scraper, service: OpenedService) -> Response:  # noqa: ARG001 - asked for its check
    """The figures of the service alone: they are there while the store is down."""
    return Response(generate_latest(service.metrics), media_type=CONTENT_TYPE_LATEST)
