"""Running a flow in a process of its own, and killing that in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from prefect.settings import PREFECT_API_URL
from pydantic import BaseModel

from tests.conftest import ROOT

_LONGEST_SECONDS = 300.0
_RUN = """
import sys
from flows.{flow} import {flow}
from flows.running import run_flow
from xray_model.config import {options}
run_flow({flow}, {options}.model_validate_json(sys.argv[1]))
"""


def kill_in_the_middle(flow: str, options: BaseModel, has_kept: Callable[[], object]) -> None:
    """Run `flows.<flow>` with these options until it has kept something, and end it by SIGKILL."""
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    script = _RUN.format(flow=flow, options=type(options).__name__)
    with subprocess.Popen([sys.executable, "-c", script, options.model_dump_json()], cwd=ROOT, env=environment) as run:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not has_kept():
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
