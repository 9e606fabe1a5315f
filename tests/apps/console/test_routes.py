"""Every page of the console asks who is there, and every form is checked."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from apps.console.access.forms import checked_form
from apps.console.access.scraping import current_scraper
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visiting import current_steward, current_visitor
from apps.console.app import create_app
from apps.console.rendering import style_url
from storage.store import Store

FOR_STRANGERS = {"/sign-in", "/favicon.ico", style_url()}
FOR_ALL = {"/sign-out"}
FOR_TOKENS = {"/metrics", "/metrics/predictions"}


@pytest.fixture
def routes(console: ConsoleSettings, store: Store) -> list[APIRoute]:
    """All routes of the console as it is served."""
    return list(routes_of(create_app(console, store)))


def test_no_page_is_open_to_strangers(routes: list[APIRoute]) -> None:
    """Each route needs somebody who is signed in, but for signing in and what its page looks like."""
    assert {route.path for route in routes} >= FOR_STRANGERS
    open_to_all = {route.path for route in routes if current_visitor not in calls(route.dependant)}
    assert open_to_all == FOR_STRANGERS | FOR_TOKENS
    assert {route.path for route in routes if current_scraper in calls(route.dependant)} == FOR_TOKENS


def test_every_change_needs_a_steward_and_a_checked_form(routes: list[APIRoute]) -> None:
    """Whatever is more than looking is for stewards, and comes from a page of this session."""
    for route in routes:
        assert (route.methods or set()) <= {"GET", "POST"}, route.path
        if "POST" in (route.methods or set()) and route.path not in FOR_STRANGERS:
            assert checked_form in calls(route.dependant), route.path
            assert current_steward in calls(route.dependant) or route.path in FOR_ALL, route.path


def routes_of(router: FastAPI | APIRouter) -> Iterator[APIRoute]:
    """The routes of a router and of those within it, which newer releases of FastAPI keep as they are."""
    for route in router.routes:
        within = getattr(route, "original_router", None)
        if within is not None:
            yield from routes_of(within)
        else:
            assert isinstance(route, APIRoute), f"these tests do not understand {route}"
            yield route


def calls(dependant: Dependant) -> set[object]:
    """All that a route depends on."""
    return {dependant.call} | {call for inner in dependant.dependencies for call in calls(inner)}
