"""What a route raises becomes a page: no JSON, and never a trace."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from apps.console.access.guard import protect
from apps.console.access.visiting import SignInNeeded, sign_in_address
from apps.console.access.visitors import Visitor
from apps.console.messages import message_page
from apps.serving.errors import NotReady, Overloaded
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, StoreUnavailable, XrayError

_log = logging.getLogger("uvicorn.error")
_LATER = (StoreUnavailable, NotReady, Overloaded)
"""Whoever asks again later may be answered."""
_OWN_WORDS = {404: "There is no such page.", 405: "This page does not take such a request."}


def add_refusals(app: FastAPI) -> None:
    """Answer with a page whatever a route raises."""

    @app.exception_handler(SignInNeeded)
    async def to_sign_in(_: Request, turn: SignInNeeded) -> RedirectResponse:
        return RedirectResponse(sign_in_address(turn.going_to), 303)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> HTMLResponse:
        text = _OWN_WORDS.get(error.status_code) if error.detail in {"Not Found", "Method Not Allowed"} else None
        return message_page(error.status_code, text or str(error.detail), _visitor(request), error.headers)

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> HTMLResponse:
        faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return message_page(422, f"The address or the form is not what it should be. {faults}", _visitor(request))

    @app.exception_handler(XrayError)
    async def cannot(request: Request, error: XrayError) -> HTMLResponse:
        return message_page(_status(error), str(error), _visitor(request))

    @app.exception_handler(ConfigurationError)
    async def set_up_wrongly(request: Request, error: ConfigurationError) -> HTMLResponse:
        # It names files of this machine, and may be raised before anybody is signed in.
        _log.error("%s", error)
        return message_page(500, "The console is not set up as it should be; its log says why.", _visitor(request))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, _: Exception) -> HTMLResponse:
        # Starlette answers this outside all layers, and raises it again, so that the server logs it.
        page = message_page(500, "The console's log says what; nothing more is known here.", _visitor(request))
        protect(page.headers, request.app.state.access.settings)
        return page


def _status(error: XrayError) -> int:
    for kind, status in ((InvalidInput, 422), (ObjectNotFound, 404), (_LATER, 503)):
        if isinstance(error, kind):
            return status
    return 409


def _visitor(request: Request) -> Visitor | None:
    """Who asked, where that was found out before something was raised."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return visitor
