"""Every page of the console asks who is there, and every form is checked."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Mount

from apps.console.access.forms import checked_form
from apps.console.access.scraping import current_scraper
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visiting import current_steward, current_visitor
from apps.console.api.callers import current_caller
from apps.console.app import create_app
from apps.console.rendering import style_url
from apps.console.uploads import checked_uploads
from storage.store import Store

FOR_STRANGERS = {"/sign-in", "/favicon.ico", style_url(), "/v1/health", "/v1/ready"}
FOR_ALL = {"/sign-out", "/predict", "/predict/phantoms"}
FOR_PROGRAMS = {"/v1/predict", "/v1/model", "/v1/openapi.json"}
FOR_TOKENS = {"/metrics", "/metrics/predictions"} | FOR_PROGRAMS


@pytest.fixture
def routes(console: ConsoleSettings, store: Store) -> list[tuple[str, APIRoute]]:
    """All routes of the console as it is served, with their paths."""
    return list(routes_of(create_app(console, store)))


def test_no_page_is_open_to_strangers(routes: list[tuple[str, APIRoute]]) -> None:
    """Each route needs somebody who is signed in, but for signing in, what its page looks like, and probes."""
    assert {path for path, _ in routes} >= FOR_STRANGERS
    open_to_all = {path for path, route in routes if current_visitor not in calls(route.dependant)}
    assert open_to_all == FOR_STRANGERS | FOR_TOKENS
    assert {path for path, route in routes if current_scraper in calls(route.dependant)} == FOR_TOKENS
    assert {path for path, route in routes if current_caller in calls(route.dependant)} == FOR_PROGRAMS


def test_every_change_needs_a_steward_and_a_checked_form(routes: list[tuple[str, APIRoute]]) -> None:
    """Whatever is more than looking or asking is for stewards, and comes from a page of this session."""
    for path, route in routes:
        assert (route.methods or set()) <= {"GET", "POST"}, path
        if "POST" in (route.methods or set()) and path not in FOR_STRANGERS | FOR_PROGRAMS:
            assert calls(route.dependant) & {checked_form, checked_uploads}, path
            assert current_steward in calls(route.dependant) or path in FOR_ALL, path


def routes_of(router: FastAPI | APIRouter, prefix: str = "") -> Iterator[tuple[str, APIRoute]]:
    """The paths and routes of a router and of those within it, which newer releases of FastAPI keep as they are."""
    for route in router.routes:
        within = getattr(route, "original_router", None)
        if within is not None:
            yield from routes_of(within, prefix)
        elif isinstance(route, Mount):
            assert isinstance(route.app, FastAPI), f"these tests do not understand {route}"
            yield from routes_of(route.app, route.path)
        else:
            assert isinstance(route, APIRoute), f"these tests do not understand {route}"
            yield prefix + route.path, route


def calls(dependant: Dependant) -> set[object]:
    """All that a route depends on."""
    return {dependant.call} | {call for inner in dependant.dependencies for call in calls(inner)}
