"""Pages that say one thing: why something was refused, or what went wrong."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import HTMLResponse

from apps.console.access.visitors import Visitor
from apps.console.rendering import render_page

_LONGEST = 2_000
"""Characters of a text: it may quote what was sent."""
_HEADLINES = {
    400: "This request cannot be read",
    403: "Not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    408: "Too slow",
    409: "This cannot be done now",
    413: "Too much at once",
    415: "This is no form",
    421: "The console has another name",
    431: "Too much at once",
    422: "This cannot be done",
    500: "Something went wrong",
    503: "The store does not answer",
}


def message_page(
    status: int, text: str, visitor: Visitor | None = None, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page of one headline, which the status gives, and one text, which is escaped."""
    headline = _HEADLINES.get(status) or HTTPStatus(status).phrase
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    values = {"headline": headline, "text": shown, "back": "/", "back_words": "To the first page"}
    page = render_page("message.html", visitor, status, **values)
    page.headers.update(headers or {})
    return page
