"""What a form may send: little, in time, from one of our own pages, and with the secret that only those know."""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

from apps.console.access.audit import audit
from apps.console.access.visiting import Access, SignedIn
from apps.console.access.visitors import Visitor
from xray_model.errors import InvalidInput

MOST_BYTES = 1_000_000
MOST_FIELDS = 1_000
_SECONDS = 20.0
_MEDIA_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, in the order they were sent."""

    fields: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str:
        """The value of a field that is there once.

        Raises:
            InvalidInput: it is missing, or there several times.
        """
        values = self.many(name)
        if len(values) != 1:
            raise InvalidInput(f"the form has the field {name!r} {len(values)} times, and it must be there once")
        return values[0]

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a field; none where it is missing."""
        return tuple(self.fields.get(name, ()))


async def checked_form(request: Request, visitor: SignedIn) -> Form:
    """The form that a visitor sent from one of our pages.

    Raises:
        HTTPException: 403, it was forged, which is written to the audit file; and what `read_form` raises.
    """
    refuse_other_sites(request, visitor)
    form = await read_form(request)
    check_secret(request, visitor, form)
    return form


CheckedForm = Annotated[Form, Depends(checked_form)]
"""A route with such an argument takes a form that was sent from one of our own pages."""


def refuse_other_sites(request: Request, visitor: Visitor) -> None:
    """Let through what one of our own pages sent.

    Raises:
        HTTPException: 403, another site did, or nobody can say; written to the audit file.
    """
    if not is_from_own_page(request):
        audit(request, visitor, "forged form", path=request.url.path, why="sent from another site")
        raise HTTPException(403, "This form was sent from another site, so nothing was done.")


def check_secret(request: Request, visitor: Visitor, form: Form) -> None:
    """Let through a form that carries the secret of the visitor's session.

    Raises:
        HTTPException: 403, it does not; written to the audit file.
    """
    sent = form.many("csrf")
    if len(sent) != 1 or not hmac.compare_digest(sent[0].encode(), visitor.csrf.encode()):
        audit(request, visitor, "forged form", path=request.url.path, why="without the session's secret")
        raise HTTPException(403, "This form is not of this session, so nothing was done. Load the page again.")


def is_from_own_page(request: Request) -> bool:
    """Whether the browser says that one of our own pages sent this; one that says nothing is not believed."""
    said = "origin" in request.headers or "sec-fetch-site" in request.headers
    return said and not is_from_another_site(request)


def is_from_another_site(request: Request) -> bool:
    """Whether the browser says that a page of another site sent this; what is no browser says nothing."""
    access: Access = request.app.state.access
    origins, sites = request.headers.getlist("origin"), request.headers.getlist("sec-fetch-site")
    return not all(map(access.settings.owns, origins)) or any(site != "same-origin" for site in sites)


async def read_form(request: Request) -> Form:
    """The body as a form.

    Raises:
        HTTPException: 415 another kind of body, 413 too large, 408 too slow, 400 not to be read.
    """
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if kind.strip().lower() != _MEDIA_TYPE or charset not in {"", "charset=utf-8"} or _is_packed(request):
        raise HTTPException(415, f"Only {_MEDIA_TYPE} in UTF-8 is taken here.")
    try:
        async with asyncio.timeout(_SECONDS):
            body = await _read_body(request)
    except TimeoutError as error:
        raise HTTPException(408, "The form took too long to arrive.", {"connection": "close"}) from error
    return parse_form(body)


def parse_form(body: bytes) -> Form:
    """The fields of a body.

    Raises:
        HTTPException: 413, too many fields; 400, it is no form in UTF-8.
    """
    if body.count(b"&") >= MOST_FIELDS:
        raise HTTPException(413, f"A form may have {MOST_FIELDS} fields.")
    fields: dict[str, list[str]] = {}
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict") if text else []
    except ValueError as error:
        raise HTTPException(400, "This is no form in UTF-8.") from error
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


async def _read_body(request: Request) -> bytes:
    # The guard refuses a longer one that says so beforehand; this one may not have said.
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"A form may have {MOST_BYTES:,} bytes.", {"connection": "close"})
    return bytes(body)


def _is_packed(request: Request) -> bool:
    return request.headers.get("content-encoding", "identity").lower() != "identity"
