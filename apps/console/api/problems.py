"""What the API answers where it cannot do what was asked: problem details for HTTP, RFC 9457."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from apps.serving.errors import NotReady, Overloaded
from xray_model.errors import ConfigurationError, InvalidInput, XrayError

API_PREFIX = "/v1"
MEDIA_TYPE = "application/problem+json"

_RETRY_SECONDS = {NotReady: 10, Overloaded: 2}
_LONGEST = 2_000
_log = logging.getLogger("uvicorn.error")


class Problem(BaseModel):
    """Why something was not done (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field("about:blank", description="Always about:blank: the status says which kind it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status of the answer.", ge=400, le=599)
    detail: str = Field(description="What was found, and what to do.")


def problem_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that says why something was not done."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=shown)
    return JSONResponse(problem.model_dump(), status, headers, MEDIA_TYPE)


def add_problems(api: FastAPI) -> None:
    """Answer with problem details whatever a route raises."""

    @api.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return problem_answer(error.status_code, str(error.detail), error.headers)

    @api.exception_handler(RequestValidationError)
    async def not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem_answer(422, "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()))

    @api.exception_handler(NotReady)
    @api.exception_handler(Overloaded)
    async def later(_: Request, error: XrayError) -> JSONResponse:
        seconds = next(seconds for kind, seconds in _RETRY_SECONDS.items() if isinstance(error, kind))
        return problem_answer(503, str(error), {"retry-after": str(seconds)})

    @api.exception_handler(InvalidInput)
    async def no_input(_: Request, error: InvalidInput) -> JSONResponse:
        return problem_answer(422, str(error))

    @api.exception_handler(ConfigurationError)
    async def set_up_wrongly(_: Request, error: ConfigurationError) -> JSONResponse:
        # It names files of this machine, and may be raised before anybody has said who they are.
        _log.error("%s", error)
        return problem_answer(500, "The console is not set up as it should be; its log says why.")

    @api.exception_handler(Exception)
    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        # Starlette raises it again, so that the server logs it.
        return problem_answer(500, "The console's log says what; nothing more is known here.")


_MEANINGS = {
    400: ("The request cannot be read, or brings no file.", "This is no multipart/form-data."),
    401: ("Nobody is signed in, and no token was sent, or a wrong one.", "This is nobody's token."),
    403: ("Sent from another site's page, or by somebody whom the console does not know.",
          "This was sent from a page of another site, so nothing was done."),
    408: ("The files came too slowly.", "The files took longer than 120 seconds to arrive."),
    413: ("More bytes or files than are taken at once.", "One file may have 50,000,000 bytes."),
    415: ("Another kind of body.", "A packed body is not taken here: send the file as it is."),
    421: ("The console has another name.", "Open it under the address it was started with."),
    422: ("The one image that was sent cannot be answered, or a parameter has no such value.",
          "not a PNG, JPEG or DICOM file"),
    429: ("Too many wrong tokens were sent from this address.", "Too many sign-ins failed. Try again in 30 seconds."),
    431: ("The address and its headers are too long.", "An address and its headers may have 16,384 bytes."),
    500: ("A fault of the console; its log says which.", "The console's log says what; nothing more is known here."),
    503: ("No model answers yet, or more is waiting than is taken on. The same may be sent again after `Retry-After`.",
          "No model was promoted yet."),
}  # fmt: skip
"""By status: what it means, and an example of its detail."""
_HEADERS = {
    401: ("WWW-Authenticate", {"type": "string"}),
    429: ("Retry-After", {"type": "integer"}),
    503: ("Retry-After", {"type": "integer"}),
}


def describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of these statuses, as a route's `responses`."""
    return {status: _describe(status) for status in statuses}


def _describe(status: int) -> dict[str, Any]:
    meaning, detail = _MEANINGS[status]
    example = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    name, schema = _HEADERS.get(status, ("", {}))
    headers = {"headers": {name: {"schema": schema, "description": "See RFC 9110."}}} if name else {}
    return {"description": meaning, "content": content, **headers}
