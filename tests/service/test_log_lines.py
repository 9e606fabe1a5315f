"""The log of a night as a collector of a machine's logs finds it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.service


def test_a_night_logs_json_lines(home: Path) -> None:
    """With `XRAY_LOG=json` all that a night logs is JSON, with the ids of its runs and its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "apps", "nightly"],
        env=environment | {"XRAY_LOG": "json"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    of_tasks = [line for line in lines if "task_run_id" in line]
    assert {"write-reports", "keep-metrics"} <= {line["task_name"] for line in of_tasks}
    assert all({"flow_run_id", "flow_name", "night"} <= set(line) for line in of_tasks)
    assert len({line["night"] for line in of_tasks}) == 1
