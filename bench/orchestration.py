"""What Prefect adds to a night: through its embedded server, and through a server, two workers and `run_deployment`.

`python bench/orchestration.py` draws two batches, one of ten times as many images, and runs a night on each three ways:
the functions called plainly, the flow in this process, and the deployment whose training goes to the pool `gpu`. All
are medians of three nights, and the first two ways take turns. The last line is one JSON object:

- `plain_seconds`: a process that runs the night as plain functions, imports and training included;
- `in_process_seconds`: how much longer a process takes that runs it as a flow, less `startup_seconds`;
- `through_server_seconds`: how much longer it takes from asking for the deployment to its end, both workers' polls and
  the two processes they start included; server and workers are up before, and the workers ask for work every 2 s;
- `startup_seconds`: a process that runs an empty flow less one that only imports Prefect;
- `database`: of the server; SQLite makes its clients ask again after 2 s now and then, when two of them write at once;
- `task_runs`: of the night through the server; equal for both batches, which have the same number of shards.

Each has two figures, for the small batch and the large one.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers.postgres import postgres_server, why_no_postgres  # noqa: E402 - not in the package
from tests.servers.prefect_service import PrefectService, prefect_service, wait_for  # noqa: E402

PATIENTS = (60, 600)
SHARDS = 3
TURNS = 3
SALT = "bench"
EMPTY_FLOW = "from prefect import flow\n@flow\ndef empty(): ...\nempty()\n"
IMPORT = "from prefect import flow\n"
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def main() -> None:
    """Measure, print, and end with JSON; with the name of a way, run one night that way."""
    if len(sys.argv) > 1:
        run_one(sys.argv[1], sys.argv[2])
        return
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        found = measure(Path(folder))
    for name, value in found.items():
        print(f"{name:24} {value}")
    print(json.dumps(found))


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("XRAY_", "PREFECT_"))}
    prefect = own | {
        "PYTHONPATH": str(ROOT),
        "XRAY_SALT": SALT,
        "DO_NOT_TRACK": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_HOME": str(folder / "prefect"),
    }
    landed = [land(folder / f"landed-{patients}", patients) for patients in PATIENTS]
    one_night("flow", *landed[0], prefect)  # begins Prefect's home, and has every library in the machine's memory
    empty, imported = medians(*(partial(seconds_of, ["-c", code], prefect) for code in (EMPTY_FLOW, IMPORT)))
    startup = empty - imported
    rows: dict[str, list[Any]] = {
        "plain_seconds": [],
        "in_process_seconds": [],
        "through_server_seconds": [],
        "task_runs": [],
    }
    for home, given in landed:
        plain, flow = medians(*(partial(one_night, way, home, given, prefect) for way in ("plain", "flow")))
        through, task_runs = zip(*(through_server(home, given) for _ in range(TURNS)), strict=True)
        rows["plain_seconds"].append(round(plain, 2))
        rows["in_process_seconds"].append(round(flow - startup - plain, 2))
        rows["through_server_seconds"].append(round(median(through) - plain, 2))
        rows["task_runs"].append(max(task_runs))
    server = "PostgreSQL" if (reason := why_no_postgres()) is None else f"SQLite: {reason}"
    return {"startup_seconds": round(startup, 2), "database": server, **rows}


def land(home: Path, patients: int) -> tuple[Path, str]:
    """A home with one batch in its landing zone, and the options of a night on it."""
    from apps.push import push_batch
    from xray_model.config import GatePolicy, IngestOptions, NightlyOptions, RetrainOptions, SnapshotOptions
    from xray_model.config import TrainingOptions as Training
    from xray_model.data.phantoms import CohortOptions, write_bimcv

    sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
    cohort = CohortOptions(patients=patients, shares={"covid": 1, "normal": 1}, seed=1, **sizes)
    images = write_bimcv(home / "drawn", cohort, archive=True, workers=2).images
    os.environ |= {"XRAY_HOME": str(home / "home"), "XRAY_SALT": SALT}
    push_batch(home / "drawn", "bimcv", "first")
    options = NightlyOptions(
        ingest=IngestOptions(shard_size=-(-images // SHARDS)),
        retrain=RetrainOptions(
            snapshot=SnapshotOptions(classes=("covid", "normal")),
            training=Training(epochs=3, input_side=64),
            gate=GatePolicy(floor=0.0, recall_floor=0.0, skill_confidence=0.0, minimum_patients=1, draws=200),
        ),
    )
    return home / "home", options.model_dump_json()


def medians(*ways: Callable[[], float]) -> list[float]:
    """Of several turns of ways to be timed, which take turns: what else the machine does meets them all."""
    return [median(times) for times in zip(*([way() for way in ways] for _ in range(TURNS)), strict=True)]


def seconds_of(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Wall time of a Python process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - started


def one_night(way: str, home: Path, options: str, environment: Mapping[str, str]) -> float:
    """Wall time of a process that runs a night on a fresh copy of a home."""
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        copy = shutil.copytree(home, Path(folder) / "home")
        return seconds_of([__file__, way, options], {**environment, "XRAY_HOME": str(copy)})


def through_server(home: Path, options: str) -> tuple[float, int]:
    """Seconds from asking for a night on a fresh copy of a home to its end, and its task runs."""
    with TemporaryDirectory(prefix="xray-bench-") as name:
        folder = Path(name)
        copy = shutil.copytree(home, folder / "xray")
        xray = {"XRAY_HOME": str(copy), "XRAY_SALT": SALT, "XRAY_GPU_POOL": "gpu"}
        with database() as settings, prefect_service(folder, **xray, **settings) as service:
            for pool in ("cpu", "gpu"):
                service.command("work-pool", "create", pool, "--type", "process")
            service.command("--no-prompt", "deploy", "--all")
            for pool in ("cpu", "gpu"):
                service.start_worker(pool)
                wait_for("a worker", partial(_workers, service, pool))
            return _ask(service, options), _count(service)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Settings of a Prefect server with a database of its own: PostgreSQL, or Prefect's SQLite where there is none."""
    if why_no_postgres() is not None:
        yield {}
        return
    with postgres_server("prefect") as where:
        yield {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{where}/prefect"}


def _workers(service: PrefectService, pool: str) -> bool:
    return bool(service.query(f"/work_pools/{pool}/workers/filter", {}))


def _ask(service: PrefectService, options: str) -> float:
    deployment = service.query("/deployments/name/nightly/nightly")["id"]
    started = datetime.now(UTC)
    body = {"parameters": {"options": json.loads(options)}, "state": {"type": "SCHEDULED"}}
    run = service.query(f"/deployments/{deployment}/create_flow_run", body)["id"]
    wait_for("the night", lambda: service.query(f"/flow_runs/{run}")["state"]["type"] in ENDED, 600)
    state = service.query(f"/flow_runs/{run}")["state"]
    if state["name"] not in {"Promoted", "KeptChampion"}:
        raise SystemExit(f"the night ended as {state['name']}: {state['message']}")
    return (datetime.fromisoformat(state["timestamp"]) - started).total_seconds()


def _count(service: PrefectService) -> int:
    """Task runs that the server has, once it has written all of them down."""
    counts = [-1]
    while True:
        counts.append(int(service.query("/task_runs/count", {})))
        if counts[-1] == counts[-2]:
            return counts[-1]
        time.sleep(5)


def run_one(way: str, options: str) -> None:
    """One night in this process: as a flow, or as plain functions."""
    from storage.settings import Settings, prepare_environment
    from xray_model.config import NightlyOptions

    prepare_environment(Settings())
    from flows.nightly import nightly
    from flows.running import run_flow

    chosen = NightlyOptions.model_validate_json(options)
    if way == "flow":
        night = run_flow(nightly, chosen)
    else:
        make_plain()
        from prefect.logging import disable_run_logger

        with disable_run_logger():
            night = cast("Any", nightly.fn(chosen)).data
    if night.retrain.promotion is None:
        raise SystemExit(f"the night judged no model: {night.retrain.reasons[0]}")


class Plain:
    """A task or flow as the function it is made of; submitted, it runs in a thread."""

    threads = ThreadPoolExecutor(8)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self._function(*args, **kwargs)

    def submit(self, **kwargs: Any) -> "Future[Any]":
        """Call it in a thread."""
        return self.threads.submit(self._function, **kwargs)


def make_plain() -> None:
    """Put the functions in the place of all flows and tasks, and let nothing reach for a server."""
    from prefect import Flow, Task
    from prefect.artifacts import create_markdown_artifact
    from prefect.events import emit_event

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in {"flows", "tasks"}:
            for word, value in list(vars(module).items()):
                if isinstance(value, Flow | Task):
                    setattr(module, word, Plain(value.fn))
                elif value is emit_event or value is create_markdown_artifact:
                    setattr(module, word, lambda *_, **__: None)


if __name__ == "__main__":
    main()
