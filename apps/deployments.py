"""What `prefect.yaml` deploys, read without Prefect."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xray_model.errors import ConfigurationError

FOLDER = Path(__file__).resolve().parents[1]
"""The checkout: where `prefect.yaml` and the flows are."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of `prefect.yaml`."""

    name: str
    """With its flow's, as Prefect's commands take it: `nightly/nightly`."""
    pool: str
    crons: tuple[str, ...]
    """When it runs by itself, with the time zone."""


def read_deployments(path: Path = FOLDER / "prefect.yaml") -> list[Deployment]:
    """The deployments in the order of the file.

    Raises:
        ConfigurationError: there is no such file.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path} is missing: what runs when is read from it, so run this from a checkout")
    entries = yaml.safe_load(path.read_text())["deployments"]
    return [
        Deployment(f"{_flow_of(entry)}/{entry['name']}", entry["work_pool"]["name"], _crons_of(entry))
        for entry in entries
    ]


def _flow_of(entry: dict[str, Any]) -> str:
    return str(entry["entrypoint"].rpartition(":")[2]).replace("_", "-")


def _crons_of(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{one['cron']} {one.get('timezone', 'UTC')}" for one in entry.get("schedules", ()) if one.get("active", True)
    )
