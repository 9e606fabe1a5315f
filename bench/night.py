"""What a night with nothing new costs, beside what Prefect itself costs, in one run.

`python bench/night.py` prints seconds and, as its last line, one JSON object: `help_seconds` (`xray --help`),
`floor_seconds` (a process that runs an empty flow on Prefect's embedded server), `night_seconds` (`xray nightly` with
nothing new) and `times_floor`. Homes are fresh but begun: the first run's migrations are not counted.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

EMPTY_FLOW = "from prefect import flow\n@flow\ndef empty(): ...\nempty()\n"
XRAY = str(Path(sys.executable).with_name("xray"))
RUNS = 3


def best_seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of the fastest of some runs, after one that begins the home."""
    times = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603 - commands of this file
        times.append(time.perf_counter() - started)
    return min(times[1:])


def main() -> None:
    """Measure, print, and end with JSON."""
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("XRAY_", "PREFECT_"))}
        quiet = {"DO_NOT_TRACK": "true", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "ERROR"}
        floor = plain | quiet | {"PREFECT_HOME": f"{folder}/prefect"}
        seconds = {
            "help_seconds": best_seconds([XRAY, "--help"], plain),
            "floor_seconds": best_seconds([sys.executable, "-c", EMPTY_FLOW], floor),
            "night_seconds": best_seconds([XRAY, "nightly"], plain | {"XRAY_HOME": f"{folder}/home"}),
        }
    for name, value in seconds.items():
        print(f"{name:15} {value:6.2f}")
    figures = seconds | {"times_floor": seconds["night_seconds"] / seconds["floor_seconds"]}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
