"""A run's log as lines of JSON, for whoever collects them from a machine (`XRAY_LOG=json`).

A line never holds the text of an exception, which may quote anything: it says its type and where it came from. Prefect
keeps the whole of it with the run.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from xray_model.log_ids import current_ids

_RUN = ("flow_run_id", "flow_run_name", "flow_name", "task_run_id", "task_run_name", "task_name")
"""What Prefect adds to a record."""
_QUOTED = re.compile(r"(exception(?: during execution)?:? )'?([A-Za-z_]\w*).*", re.DOTALL)
"""An exception as Prefect's messages quote it: its type, and then its text to the end."""


class JsonLines(logging.Formatter):
    """One object a line: `time` (UTC), `level`, `logger`, `message`, the ids of run, night, batch and snapshot."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _QUOTED.sub(r"\1\2", _without_texts(record).getMessage()),
        }
        line |= {name: getattr(record, name) for name in _RUN if getattr(record, name, None) is not None}
        line |= current_ids()
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line |= {"error": kind.__name__, "where": _frames(trace)}
        return json.dumps(line, default=str)


def write_json_lines() -> None:
    """Let everything that reaches the root logger's handlers be written as JSON lines to standard error instead.

    To be called after Prefect is imported, which sets its own handler; what Prefect sends to its server stays as it is.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.getLogger().handlers = [handler]


def _without_texts(record: logging.LogRecord) -> logging.LogRecord:
    """The record with the types of exceptions in place of those that its message would quote."""
    if not isinstance(record.args, tuple):
        return record
    args = tuple(type(one).__name__ if isinstance(one, BaseException) else one for one in record.args)
    return logging.makeLogRecord({**record.__dict__, "args": args})


def _frames(trace: TracebackType | None) -> list[str]:
    """File, line and function of each step, the outermost first; no line of source, no value."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
