"""A run's log as lines of JSON."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from storage.log_lines import JsonLines, write_json_lines
from xray_model.log_ids import bind_ids, current_ids, set_ids

NAME = "Jane-Doe-1970.png"


@pytest.fixture(autouse=True)
def no_ids() -> Iterator[None]:
    """Let no id of another test hold here, and none of this test elsewhere."""
    with bind_ids():
        set_ids(**dict.fromkeys(current_ids()))
        yield


def line_of(message: str, *args: object, exc_info: bool = False, **extra: object) -> dict[str, Any]:
    """The line of a record."""
    trace = sys.exc_info() if exc_info else None
    record = logging.getLogger("prefect.flow_runs").makeRecord(
        "prefect.flow_runs", logging.WARNING, __file__, 1, message, args, trace, extra=extra
    )
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_says_which_run_batch_and_snapshot_it_is_about() -> None:
    """Ids that hold stand beside those of Prefect's run, and end with their context."""
    set_ids(night="n1")
    with bind_ids(batch="b1"):
        set_ids(snapshot="s1")
        line = line_of("%d rows", 3, flow_run_id="f1", task_run_id="t1", flow_run_name=None)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "prefect.flow_runs",
        "message": "3 rows",
        "flow_run_id": "f1",
        "task_run_id": "t1",
        "night": "n1",
        "batch": "b1",
        "snapshot": "s1",
    }
    assert current_ids() == {"night": "n1"}
    set_ids(night=None)
    assert current_ids() == {}


def test_an_exception_is_told_without_its_text() -> None:
    """The line has the type and the places, never the text, which may quote a file's name."""
    try:
        int(NAME)
    except ValueError:
        line = line_of("a batch failed", exc_info=True)
    assert line["error"] == "ValueError"
    assert len(line["where"]) == 1
    assert line["where"][0].endswith(" test_an_exception_is_told_without_its_text")
    assert NAME not in json.dumps(line)


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("Encountered exception during execution: %r", (ValueError(NAME),)),
        (f"Finished in state Failed('Flow run encountered an exception: ValueError: {NAME}')", ()),
        (f"Finished in state Failed('Task run encountered an exception ValueError: \n{NAME}')", ()),
        (f"Task run failed with exception: ValueError('{NAME}') - Retry 1/3 will start 2 second(s) from now", ()),
        ("it failed: %s", (ValueError(NAME),)),
    ],
)
def test_no_message_quotes_an_exception(message: str, args: tuple[object, ...]) -> None:
    """Where Prefect or we put an exception in a message its type is told alone."""
    line = line_of(message, *args)
    assert NAME not in line["message"]
    assert "ValueError" in line["message"]


def test_lines_take_the_place_of_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What reaches the root logger is written to standard error as one object a line."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    write_json_lines()
    logging.getLogger("storage").warning("slow\nstore")
    written = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in written] == ["slow\nstore"]
