"""Running one of the flows in this process, with progress."""

import logging
import os
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from rich.console import Console

from apps.interrupting import ending_on_interrupt
from apps.progress import show_progress
from storage.settings import Settings, prepare_environment
from xray_model.errors import XrayError

_RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
_SENDERS = ("EventsWorker", "APILogWorker")
"""Prefect's threads that send what is left when a command ends, and warn that there is something left."""
_FAILED = re.compile(r"Finished in state Failed\(.*? encountered an exception:? (\w+):")


def start_flow(name: str, options: Any, console: Console, *, verbose: bool) -> Any:
    """Run the flow `name` and give what it came to.

    Args:
        name: of the flow and of its module in `flows`.
        options: its one parameter.
        console: where the start is said and progress is shown.
        verbose: show Prefect's own log in place of progress bars.
    """
    settings = Settings()
    prepare_environment(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    if not verbose and settings.log == "text":
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    console.print("Starting Prefect …" if "PREFECT_API_URL" not in os.environ else f"Running {name} …")
    # Only now: Prefect reads its settings when it is imported.
    flow = getattr(import_module(f"flows.{name}"), name)
    run_flow = import_module("flows.running").run_flow
    if verbose:
        with ending_on_interrupt():
            return run_flow(flow, options)
    for runs in _RUN_LOGGERS:
        logging.getLogger(runs).addFilter(_is_no_refusal)
    for sender in _SENDERS:
        logging.getLogger(sender).setLevel(logging.ERROR)
    with ending_on_interrupt(), show_progress(console):
        return run_flow(flow, options)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Whether a log record is none of a refusal: its one clear sentence is said at the end, without a traceback."""
    if record.exc_info and isinstance(record.exc_info[1], XrayError):
        return False
    failed = _FAILED.match(record.getMessage())
    return failed is None or failed[1] not in {kind.__name__ for kind in _list_kinds(XrayError)}


def _list_kinds(kind: type[XrayError]) -> Iterator[type[XrayError]]:
    """An error's class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from _list_kinds(below)
