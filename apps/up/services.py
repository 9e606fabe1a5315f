"""What `xray up` runs, in the order in which it is started."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from socket import create_connection

from apps.deployments import read_deployments
from apps.prefect_api import PrefectApi, ServerUnavailable
from apps.up.ports import LOOPBACK, Ports
from apps.up.supervision import Service
from storage.settings import Settings, prepare_environment

_PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")
DEPLOY = {"deploy": (*_PREFECT, "deploy", "--all")}
"""What is done once the pools are there, by the name of its log."""

_NO_PROXY = "127.0.0.1,localhost"
_POLL_SECONDS = "2"


def api_url(ports: Ports) -> str:
    """Where the Prefect server's API will be."""
    return f"http://{LOOPBACK}:{ports.prefect}/api"


def pools_to_serve(settings: Settings) -> list[str]:
    """The pools that get a worker: those of `prefect.yaml`, and `XRAY_GPU_POOL` where that names another.

    No other machine reaches this server, so a pool without a worker here would keep its runs waiting for ever, with a
    GPU or without.
    """
    named = [settings.gpu_pool] if settings.gpu_pool else []
    return list(dict.fromkeys([*(one.pool for one in read_deployments()), *named]))


def can_show_mlflow() -> bool:
    """Whether the extra `mlflow-ui` is installed; what runs the pipeline, mlflow-skinny, has no pages."""
    try:
        version("mlflow")
    except PackageNotFoundError:
        return False
    return True


def serves_registry(settings: Settings) -> bool:
    """Whether the registry is a database that pages can be served from; a server has its own."""
    return not settings.registry_url.startswith(("http:", "https:"))


def plan_services(settings: Settings, ports: Ports, pools: Sequence[str]) -> list[tuple[Service, ...]]:
    """The server, what people look at, and the workers, which make their pools: stopped from the last to the first."""
    api = PrefectApi(api_url(ports))
    server = Service(
        "server",
        (*_PREFECT, "server", "start", "--host", LOOPBACK, "--port", str(ports.prefect)),
        ready=api.answers,
    )
    console = Service(
        "console",
        (sys.executable, "-m", "apps", "console", "--host", LOOPBACK, "--port", str(ports.console)),
        ready=lambda: _listens(ports.console),
        essential=False,
    )
    pages = (console, _mlflow(settings, ports)) if can_show_mlflow() and serves_registry(settings) else (console,)
    workers = tuple(_worker(pool, api) for pool in pools)
    return [(server,), pages, workers]


def child_environment(settings: Settings, ports: Ports) -> dict[str, str]:
    """What all of them get: the home's own settings, and this server."""
    prepare_environment(settings)
    passed_by = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), _NO_PROXY)))
    return {
        "PREFECT_WORKER_QUERY_SECONDS": _POLL_SECONDS,
        **os.environ,
        "XRAY_HOME": str(settings.home.resolve()),
        "PREFECT_API_URL": api_url(ports),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": passed_by,
        "no_proxy": passed_by,
    }


def _worker(pool: str, api: PrefectApi) -> Service:
    def is_ready() -> bool:
        with suppress(ServerUnavailable):
            return api.workers(pool) > 0
        return False

    return Service(
        f"worker-{pool}",
        (*_PREFECT, "worker", "start", "--pool", pool, "--type", "process", "--name", f"xray-up-{pool}"),
        ready=is_ready,
        needs=api.answers,
        ended_last=True,
    )


def _mlflow(settings: Settings, ports: Ports) -> Service:
    return Service(
        "mlflow",
        (sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(ports.mlflow), "--workers", "1"),
        ready=lambda: _listens(ports.mlflow),
        essential=False,
        environment={
            # Not among the words of the command, which every account of the machine can read: it may hold a password.
            "MLFLOW_BACKEND_STORE_URI": settings.registry_url,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine processes more, for judging language models
        },
    )


def _listens(port: int) -> bool:
    try:
        create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
