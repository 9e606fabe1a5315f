"""One ingest in a process of its own, which tells its peak memory: `python -m tests.hostile.driver`."""

import json
import re
import sys
from pathlib import Path

from storage.settings import Settings, prepare_environment


def main() -> None:
    """Ingest everything in the landing zone of the environment's store."""
    prepare_environment(Settings())
    from flows.ingest import ingest
    from flows.running import run_flow
    from xray_model.config import IngestOptions

    before = _peak_mb()
    run_flow(ingest, IngestOptions(shard_size=64))
    sys.stdout.write(json.dumps({"before_mb": before, "peak_mb": _peak_mb()}) + "\n")


def _peak_mb() -> int:
    """Most memory that this process has held at once, MB; what its parent held before the fork is not in it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    if found is None:
        raise OSError("this system does not tell the peak memory of a process")
    return int(found[1]) * 1024 // 1_000_000


if __name__ == "__main__":
    main()
