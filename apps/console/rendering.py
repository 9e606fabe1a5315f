"""Filling the console's templates: escaping always on, no script, the style as a file of its own."""

import hashlib
import shlex
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment

from apps.console.access.visitors import Visitor
from storage.reports.rendering import load_style, make_environment


def render_page(template: str, visitor: Visitor | None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the console; without a visitor it has no navigation."""
    text = _environment().get_template(template).render(values, visitor=visitor, style=style_url())
    return HTMLResponse(text, status)


@cache
def load_console_style() -> bytes:
    """The style sheet of the reports and what the console adds to it."""
    own = resources.files("apps.console").joinpath("console.css").read_text(encoding="utf-8")
    return f"{load_style()}\n{own}".encode()


@cache
def style_url() -> str:
    """Where the style sheet is; another one has another address, so that browsers may keep it for ever."""
    return f"/static/{hashlib.sha256(load_console_style()).hexdigest()[:12]}.css"


@cache
def _environment() -> Environment:
    environment = make_environment("apps.console")
    environment.filters["link"] = link_report
    environment.filters["shell"] = shlex.quote  # a sender named the source, and a steward copies the command
    return environment


def link_report(key: str) -> str:
    """Where the console shows a report of the store (`reports/…`), quoted for an attribute."""
    return quote(f"/{key}", safe="/#")
