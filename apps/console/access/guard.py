"""What no answer goes without, and what is refused before any page is asked: the outermost layer of the console."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.console.access.forms import MOST_BYTES
from apps.console.access.settings import ConsoleSettings
from apps.console.api.problems import API_PREFIX, problem_answer
from apps.console.messages import message_page
from apps.console.uploads import LIMITS, UPLOAD_PATHS

_HEADERS = {
    # No script at all; forms go to this console alone, and no other page may frame it.
    "content-security-policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",  # for pages with a policy of their own that forgets it
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # `no-referrer` would make the Origin of our own forms null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
MOST_HEAD = 16 * 1024
"""Bytes of a request's address and headers."""
_LENGTH = re.compile("[0-9]{1,20}")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""What a proxy adds: one that nobody named would make all the world a visitor from its own address."""


class Guard:
    """ASGI layer: refuses wrong hosts, peers and bodies, and puts the protecting headers on every answer."""

    def __init__(self, app: ASGIApp, settings: ConsoleSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the console answer; WebSockets are closed, for there are none."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(MutableHeaders(scope=message), self._settings)
            await send(message)

        refused = self._refuse(Headers(scope=scope), scope)
        if refused is None:
            await self._app(scope, receive, send_protected)
        else:
            answer = problem_answer if scope["path"].startswith(f"{API_PREFIX}/") else message_page
            await answer(*refused, headers={"connection": "close"})(scope, receive, send_protected)

    def _refuse(self, headers: Headers, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, where a request gets no further."""
        hosts = headers.getlist("host")
        address = scope["client"][0] if scope["client"] else ""
        parts = [scope["raw_path"], scope["query_string"], *(part for header in headers.raw for part in header)]
        if sum(map(len, parts)) > MOST_HEAD:
            return 431, f"An address and its headers may have {MOST_HEAD:,} bytes."
        if self._settings.proxies and not self._settings.believes(address):
            return 403, "This console is reached through its proxy alone."
        if not self._settings.proxies and any(name in headers for name in _FORWARDED):
            return 403, "This came through a proxy that the console was not told of: start it with --proxy."
        if len(hosts) != 1 or not self._settings.answers(hosts[0]):
            return 421, "Open it under the address it was started with, or start it with --name for this one."
        return _refuse_body(
            headers, scope["method"], LIMITS.body_bytes if scope["path"] in UPLOAD_PATHS else MOST_BYTES
        )


def _refuse_body(headers: Headers, method: str, most_bytes: int) -> tuple[int, str] | None:
    length, chunked = headers.get("content-length", "0"), "transfer-encoding" in headers
    if not _LENGTH.fullmatch(length) or (chunked and "content-length" in headers):
        return 400, "Nobody can say how long the body is."
    if method != "POST" and (chunked or int(length)):
        return 400, "Only forms have a body."
    if int(length) > most_bytes:
        return 413, f"A form may have {most_bytes:,} bytes."
    return None


def protect(headers: MutableHeaders, settings: ConsoleSettings) -> None:
    """Add the protecting headers; what a route has set itself stays."""
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if settings.tls:
        headers.setdefault("strict-transport-security", "max-age=31536000")
