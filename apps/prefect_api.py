"""What a Prefect server says of itself, over HTTP: asking it this way takes no import of Prefect."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

_ONLINE = "ONLINE"
_MOST = 200
"""Things in one answer; Prefect gives no more."""


class ServerUnavailable(Exception):
    """The server does not answer, or not as Prefect does; the message says what it does, without its address."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool, and how many workers take its runs."""

    name: str
    kind: str
    paused: bool
    workers: int


@dataclass(frozen=True, slots=True)
class PrefectApi:
    """A server's API by its address, such as http://127.0.0.1:4200/api.

    Every method raises ServerUnavailable where it does not answer as Prefect does.
    """

    url: str
    seconds: float = 5.0

    def answers(self) -> bool:
        """Whether the server is up."""
        try:
            return self._ask("/health")[0] is True
        except ServerUnavailable:
            return False

    def version(self) -> str:
        """The server's version of Prefect."""
        return str(self._ask("/admin/version")[0])

    def time(self) -> datetime:
        """The server's clock, whole seconds in UTC."""
        try:
            return parsedate_to_datetime(self._ask("/health")[1]["date"])
        except (KeyError, ValueError) as error:
            raise ServerUnavailable("does not say what time it is") from error

    def pools(self) -> list[Pool]:
        """All work pools."""
        found, _ = self._ask("/work_pools/filter", {"limit": _MOST})
        return [Pool(one["name"], one["type"], one["is_paused"], self.workers(one["name"])) for one in found]

    def workers(self, pool: str) -> int:
        """How many workers of a pool have said lately that they live."""
        found, _ = self._ask(f"/work_pools/{quote(pool, safe='')}/workers/filter", {"limit": _MOST})
        return sum(one["status"] == _ONLINE for one in found)

    def deployments(self) -> set[str]:
        """Names of all deployments, with their flows': `nightly/nightly`."""
        found, _ = self._ask("/deployments/filter", {"limit": _MOST})
        flows, _ = self._ask("/flows/filter", {"limit": _MOST})
        names = {flow["id"]: flow["name"] for flow in flows}
        return {f"{names.get(one['flow_id'])}/{one['name']}" for one in found}

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[Any, Mapping[str, str]]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, {"Content-Type": "application/json", **_credentials()})  # noqa: S310
        try:
            with _opener(self.url).open(request, timeout=self.seconds) as answer:
                return json.load(answer), {name.lower(): value for name, value in answer.headers.items()}
        except (URLError, HTTPException, OSError, ValueError) as error:
            raise ServerUnavailable(f"does not answer as Prefect does ({error})") from error


def _credentials() -> dict[str, str]:
    """What Prefect's own client would send, from the variables that it reads."""
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    if words := os.environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"}
    return {}


def _opener(url: str) -> OpenerDirector:
    """No proxy stands between a machine and its own loopback."""
    return build_opener(ProxyHandler({})) if urlsplit(url).hostname in {"127.0.0.1", "localhost"} else build_opener()
