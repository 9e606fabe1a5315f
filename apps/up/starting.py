"""`xray up`: looking whether it can start, starting it, and saying where everything is."""

import asyncio
import os
import secrets
from functools import partial

from rich.console import Console

from apps.deployments import FOLDER, read_deployments
from apps.up.lock import hold_home
from apps.up.ports import LOOPBACK, Ports, check_free
from apps.up.services import (
    DEPLOY,
    api_url,
    can_show_mlflow,
    child_environment,
    plan_services,
    pools_to_serve,
    serves_registry,
)
from apps.up.supervision import Place, Supervisor
from storage.health import without_password
from storage.settings import Settings
from xray_model.errors import ConfigurationError


def run_up(ports: Ports) -> int:
    """Run the Prefect server, the console, MLflow's pages and the workers until a signal; gives the exit code.

    Everything listens on loopback: who may come in from elsewhere is a matter of `xray console` and of a proxy.

    Raises:
        ConfigurationError: it runs already, a port is taken, or another Prefect server is set.
    """
    settings = Settings()
    home, api = settings.home.resolve(), api_url(ports)
    if os.environ.get("PREFECT_API_URL", api) != api:
        raise ConfigurationError(
            f"PREFECT_API_URL names another server than the one that would be started, {api}. Unset it; or, to work "
            "for that server, start a worker alone: prefect worker start --pool cpu"
        )
    terminal = Console()
    tell = partial(terminal.print, highlight=False, markup=False, soft_wrap=True)
    pools = pools_to_serve(settings)
    with hold_home(home, api):
        check_free(_ports_used(settings, ports))
        tell("Starting the Prefect server, the console and the workers …")
        place = Place(f"{secrets.token_hex(8)}/", FOLDER, home / "logs", child_environment(settings, ports))
        ranks = plan_services(settings, ports, pools)

        async def supervise() -> int:
            return await Supervisor(place, tell).supervise(ranks, DEPLOY, lambda: tell(say_where(settings, ports)))

        return asyncio.run(supervise())


def say_where(settings: Settings, ports: Ports) -> str:
    """The addresses, the schedule and the logs, a line each."""
    if not serves_registry(settings):
        mlflow = f"{without_password(settings.registry_url)}  (a server of its own)"
    elif can_show_mlflow():
        mlflow = f"http://{LOOPBACK}:{ports.mlflow}"
    else:
        mlflow = "its pages are not installed: pip install 'xray-pipeline[mlflow-ui]'"
    crons = [f"{one.name} at {cron}" for one in read_deployments() for cron in one.crons]
    lines = {
        "console": f"http://{LOOPBACK}:{ports.console}",
        "Prefect": f"http://{LOOPBACK}:{ports.prefect}",
        "MLflow": mlflow,
        "workers": ", ".join(pools_to_serve(settings)),
        "schedule": "; ".join(crons) or "none",
        "logs": str(settings.home.resolve() / "logs"),
    }
    told = "\n".join(f"  {name:<9} {words}" for name, words in lines.items())
    return (
        f"Everything runs:\n{told}\n"
        f"Your own commands find it with: export PREFECT_API_URL={api_url(ports)}\n"
        "Every account of this machine can reach these addresses, and no other machine. Ctrl-C stops it all."
    )


def _ports_used(settings: Settings, ports: Ports) -> dict[str, int]:
    used = {"--prefect-port": ports.prefect, "--console-port": ports.console}
    if can_show_mlflow() and serves_registry(settings):
        used["--mlflow-port"] = ports.mlflow
    return used
