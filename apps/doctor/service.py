"""In service: the Prefect server with its pools, workers and deployments, and the Dask cluster."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec

from apps.deployments import read_deployments
from apps.doctor.clocks import check_clock
from apps.doctor.findings import Finding
from apps.prefect_api import PrefectApi, ServerUnavailable
from apps.up.lock import find_running
from apps.up.services import pools_to_serve
from storage.health import without_password
from storage.settings import LOCAL_DASK, Settings
from xray_model.errors import ConfigurationError

_SERVER = "Prefect server"
_DASK_SECONDS = 10


def look_at_service(settings: Settings) -> Iterator[Finding]:
    """Whether nights come by themselves, and somebody works on them."""
    running = find_running(settings.home.resolve())
    if url := os.environ.get("PREFECT_API_URL"):
        yield from _look_at_server(PrefectApi(url), settings, named=True)
    elif running:
        yield from _look_at_server(PrefectApi(running.api), settings, named=False)
    else:
        words = "none is named by PREFECT_API_URL: each night starts its own, and none comes by itself; see `xray up`"
        yield Finding("ok", _SERVER, words)
    if settings.dask is not None:
        yield _check_dask(settings.dask)


def _look_at_server(api: PrefectApi, settings: Settings, *, named: bool) -> Iterator[Finding]:
    shown = without_password(api.url)
    try:
        theirs, ours = api.version(), version("prefect")
        if theirs != ours:
            words = f"{shown} runs Prefect {theirs}, and {ours} is installed here: install the same on both"
            yield Finding("problem", _SERVER, words)
        elif not named:
            yield Finding("ok", _SERVER, f"that of `xray up`; for your own commands: export PREFECT_API_URL={shown}")
        else:
            yield Finding("ok", _SERVER, f"{shown}, Prefect {theirs}")
        yield check_clock("clock beside Prefect's", api.time(), datetime.now(UTC))
        yield from _look_at_pools(api, settings)
    except ServerUnavailable as error:
        words = f"{shown} {error}: start it (`xray up`), or set PREFECT_API_URL to one that runs, or unset it"
        yield Finding("problem", _SERVER, words)


def _look_at_pools(api: PrefectApi, settings: Settings) -> Iterator[Finding]:
    try:
        wanted, pools = {one.name for one in read_deployments()}, pools_to_serve(settings)
    except ConfigurationError as error:
        yield Finding("missing", "deployments", str(error))
        return
    there = {pool.name: pool for pool in api.pools()}
    for name in pools:
        subject, pool = f"work pool {name}", there.get(name)
        if pool is None:
            words = f"it is missing: `xray up` makes it, or prefect work-pool create {name} --type process"
        elif pool.paused:
            words = f"it is paused: prefect work-pool resume {name}"
        elif not pool.workers:
            words = f"no worker lives, so its runs wait: `xray up`, or prefect worker start --pool {name}"
        else:
            yield Finding("ok", subject, f"{pool.kind}, live workers: {pool.workers}")
            continue
        yield Finding("problem", subject, words)
    if absent := sorted(wanted - api.deployments()):
        words = f"{', '.join(absent)} not there: `xray up`, or prefect --no-prompt deploy --all"
        yield Finding("problem", "deployments", words)
    else:
        yield Finding("ok", "deployments", ", ".join(sorted(wanted)))


def _check_dask(address: str) -> Finding:
    if find_spec("distributed") is None:
        words = "XRAY_DASK is set, and Dask is not installed: pip install 'xray-pipeline[dask]'"
        return Finding("problem", "Dask", words)
    if address == LOCAL_DASK:
        return Finding("ok", "Dask", "processes of this machine, started by each flow that needs them")
    from distributed import Client

    try:
        with Client(address, timeout=_DASK_SECONDS, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            threads = client.nthreads()
            client.get_versions(check=True)
    except (OSError, ValueError) as error:
        words = (
            f"{address} cannot be used ({error}): start `dask scheduler` and `dask worker` with the packages of "
            "requirements.lock there, or unset XRAY_DASK"
        )
        return Finding("problem", "Dask", words)
    if not threads:
        return Finding("problem", "Dask", f"{address} has no workers: dask worker {address}")
    return Finding("ok", "Dask", f"{address}, workers: {len(threads)}, threads: {sum(threads.values())}")
