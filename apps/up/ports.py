"""The ports that `xray up` needs: looked at before anything is started."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from xray_model.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
"""The one address everything listens on: neither Prefect nor MLflow asks who somebody is."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each server listens."""

    prefect: int = 4200
    console: int = 8420
    mlflow: int = 5000


def check_free(ports: Mapping[str, int]) -> None:
    """Make sure that nobody listens on a port.

    Args:
        ports: the port of each option that chooses it.

    Raises:
        ConfigurationError: a port is taken, or one was given twice.
    """
    if len(set(ports.values())) < len(ports):
        raise ConfigurationError(f"two of {', '.join(ports)} are the same port")
    taken = [
        f"port {port} is taken by {_owner(port)}: stop that, or choose another with {option}"
        for option, port in ports.items()
        if not _is_free(port)
    ]
    if taken:
        raise ConfigurationError("; ".join(taken))


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def _owner(port: int) -> str:
    """The process that listens on a port; systems show those of other users to root alone."""
    for process in psutil.process_iter(["pid", "name", "username"]):
        with suppress(psutil.Error):
            if any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in process.net_connections()):
                return "process {pid} ({name}) of {username}".format_map(process.info)
    return f"a process of somebody else (`sudo ss -ltnp 'sport = :{port}'` names it)"
