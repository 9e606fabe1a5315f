"""Who scrapes the metrics: a program that holds a person's token and keeps no session."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from apps.console.access.audit import audit, peer
from apps.console.access.visiting import Access, find_visitor
from apps.console.access.visitors import Visitor

_SCHEME = "bearer"


async def current_scraper(request: Request) -> Visitor:
    """Who asks: as on every page, or by a token in `Authorization: Bearer`, which opens nothing but what asks for this.

    Raises:
        HTTPException: 401, neither; 403, the proxy named nobody whom the console knows; 429, too many were wrong.
    """
    visitor = find_visitor(request) or _find_by_token(request)
    request.state.visitor = visitor
    return visitor


Scraper = Annotated[Visitor, Depends(current_scraper)]
"""A route with such an argument is for people and for programs that hold a person's token."""


def _find_by_token(request: Request) -> Visitor:
    access: Access = request.app.state.access
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != _SCHEME:
        raise _needs_token("Sign in, or send a viewer's token as `Authorization: Bearer`.")
    seconds = access.limit.wait(peer(request))
    if seconds:
        text = f"Too many sign-ins failed. Try again in {seconds} seconds."
        raise HTTPException(429, text, {"retry-after": str(seconds)})
    person = access.people.find_by_token(token.strip())
    if person is None:
        access.limit.failed(peer(request))
        audit(request, None, "failed sign-in")
        raise _needs_token("This is nobody's token.")
    access.limit.succeeded(peer(request))
    return Visitor(person.name, person.role, csrf="", signed_in=False)


def _needs_token(text: str) -> HTTPException:
    return HTTPException(401, text, {"www-authenticate": "Bearer"})
