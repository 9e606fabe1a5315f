"""Metrics: a night's figures in a file, since no scrape finds a process that has ended."""

from prefect import get_run_logger

from storage.ledger import load_entries
from storage.metrics import write_night_metrics
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.outcomes import NightOutcome


@stage_task("keep-metrics")
def keep_metrics(night: NightOutcome) -> None:
    """Write `metrics/xray.prom` under the home; a night whose figures cannot be written counts all the same."""
    settings = Settings()
    entries = load_entries(open_store(settings).objects)
    try:
        write_night_metrics(night, entries, settings.home / "metrics" / "xray.prom")
    except OSError as error:
        get_run_logger().error("the night's figures for Prometheus were not written: %s", error.strerror)
