"""Filling the page templates: escaping always on, the style inlined, no script allowed."""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from storage.reports import charts, figures, keys, terms

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Unicode's embeddings, overrides and isolates, by which a page could be made to read `held` where it says `dleh`."""


def render_page(template: str, page: str, values: dict[str, Any]) -> bytes:
    """Fill `template` for the page under the key `page`; links are made relative to it."""
    style = load_style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = (
        _environment()
        .get_template(template)
        .render(
            values,
            page=page,
            style=Markup(style),  # noqa: S704 - our own file
            style_digest=digest,
            index=keys.INDEX,
        )
    )
    return text.encode()


@cache
def load_style() -> str:
    """The style sheet of all reports."""
    return resources.files("storage.reports").joinpath("style.css").read_text(encoding="utf-8").strip()


def make_environment(*packages: str) -> Environment:
    """Templates of these packages, then those of the reports, with the filters and words that both use."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "storage.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_show_order,
    )
    environment.filters.update(
        link=_link,
        count=figures.count,
        plural=figures.plural,
        fraction=figures.fraction,
        interval=figures.interval,
        probability=figures.probability,
        moment=figures.moment,
        day=figures.day,
        clock=figures.clock,
        duration=figures.duration,
    )
    environment.globals.update(charts=charts, keys=keys, terms=terms, percent=figures.percent)
    return environment


@cache
def _environment() -> Environment:
    return make_environment()


def _show_order(value: object) -> object:
    """A value without what would turn the order of the words around it: a sender's name may hold such."""
    return _TURNING.sub("\N{REPLACEMENT CHARACTER}", value) if type(value) is str else value


@pass_context
def _link(context: Context, target: str) -> str:
    return keys.relative_link(context["page"], target)
