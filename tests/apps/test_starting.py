"""Starting a flow: what of its log a person is shown."""

import logging

import pytest

from apps.starting import _is_no_refusal
from xray_model.errors import InvalidInput


@pytest.mark.parametrize(
    ("message", "error", "shown"),
    [
        ("Finished in state Failed('Task run encountered an exception InvalidInput: no such folder')", None, False),
        ("Finished in state Failed('Flow run encountered an exception: InvalidInput: no such folder')", None, False),
        ("Finished in state Failed('Task run encountered an exception OSError: disk full')", None, True),
        ("Finished in state Completed()", None, True),
        ("Encountered an exception", InvalidInput("no such folder"), False),
        ("Encountered an exception", OSError("disk full"), True),
    ],
)
def test_a_refusal_is_told_once(message: str, error: Exception | None, shown: bool) -> None:
    """The command says it at its end; whatever else fails stays in the log."""
    raised = (type(error), error, None) if error else None
    assert _is_no_refusal(logging.LogRecord("run", logging.ERROR, "", 0, message, None, raised)) is shown
