"""Who asks for a page: the dependencies by which a route says who may come in."""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Request

from apps.console.access.audit import audit
from apps.console.access.limits import SignInLimit
from apps.console.access.people import People
from apps.console.access.sessions import Sessions
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Role, Visitor

_LONGEST_PATH = 2000
_LOCAL_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")


class Access:
    """What decides on access in one console; `app.state.access`."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self.settings = settings
        self.people = People(settings.folder)
        self.sessions = Sessions(self.people)
        self.limit = SignInLimit()


class SignInNeeded(Exception):
    """Nobody is signed in, and the page is for people."""

    def __init__(self, going_to: str) -> None:
        super().__init__(going_to)
        self.going_to = going_to
        """Where to go on afterwards: a path of this console."""


async def current_visitor(request: Request) -> Visitor:
    """Who asks.

    Raises:
        SignInNeeded: nobody is signed in; becomes a redirect.
        HTTPException: 403, the proxy named nobody whom the console knows.
    """
    visitor = find_visitor(request)
    if visitor is None:
        here = request.scope["raw_path"].decode("ascii")
        query = request.scope["query_string"].decode("ascii")
        asked = here + (f"?{query}" if query else "")
        raise SignInNeeded(local_path(asked) if request.method == "GET" else "/")
    request.state.visitor = visitor
    return visitor


async def current_steward(request: Request, visitor: Annotated[Visitor, Depends(current_visitor)]) -> Visitor:
    """Who asks, where they may decide.

    Raises:
        HTTPException: 403, a viewer; written to the audit file.
    """
    if not visitor.decides:
        audit(request, visitor, "refused role", method=request.method, path=request.url.path)
        raise HTTPException(403, "You may look at everything here; decisions are for stewards.")
    return visitor


SignedIn = Annotated[Visitor, Depends(current_visitor)]
"""A route with such an argument is for people alone."""
Steward = Annotated[Visitor, Depends(current_steward)]
"""A route with such an argument is for stewards alone."""


def find_visitor(request: Request) -> Visitor | None:
    """Who asks; None where nobody is signed in.

    Raises:
        HTTPException: 403, the proxy named nobody whom the console knows.
    """
    access: Access = request.app.state.access
    if access.settings.proxies:
        return _named_by_proxy(request, access)
    owner = access.settings.owner
    if owner is not None and not access.people.all():
        return Visitor(owner, Role.STEWARD, access.sessions.csrf_without_session(owner), signed_in=False)
    session = access.sessions.find(request.cookies.get(access.settings.cookie, ""))
    return Visitor(session.person.name, session.person.role, session.csrf) if session else None


def _named_by_proxy(request: Request, access: Access) -> Visitor:
    """Whom the trusted proxy names, in one header and no more; that it is the proxy was looked at by the guard."""
    named = request.headers.getlist(access.settings.proxy_header)
    if len(named) != 1:
        raise HTTPException(403, f"The proxy must say who asks in one header, and sent {len(named)}.")
    try:
        name = named[0].encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise HTTPException(403, "The proxy names somebody in a header that is not UTF-8.") from error
    person = access.people.find(name)
    if person is None:
        audit(request, None, "refused name", name=name[:100])
        raise HTTPException(403, "The console does not know you. Ask whoever runs it for `xray console add`.")
    return Visitor(name, person.role, access.sessions.csrf_without_session(name), signed_in=False)


def local_path(text: str) -> str:
    """`text` where it is a path of this console to go on to, else the first page; it never leads off the site."""
    path = text.partition("?")[0]
    fits = len(text) <= _LONGEST_PATH and _LOCAL_PATH.fullmatch(text) is not None
    steps = path.split("/")[1:]
    plain = not {".", ".."} & {*steps} and "" not in steps[:-1]
    return text if fits and plain and path not in {"/sign-in", "/sign-out"} else "/"


def sign_in_address(going_to: str) -> str:
    """The sign-in page that leads on to `going_to`."""
    return "/sign-in" if going_to == "/" else f"/sign-in?{urlencode({'next': going_to})}"
