"""A console with people, and browsers at it."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Role
from apps.console.app import create_app
from storage.store import Store
from tests.apps.console.browsers import HOST, open_browser, signed_in, with_probes


@pytest.fixture
def console(home: Path) -> ConsoleSettings:
    """A console on loopback whose people sign in."""
    return ConsoleSettings(folder=home / "console", hosts=frozenset({HOST}), port=8420)


@pytest.fixture
def tokens(console: ConsoleSettings) -> dict[str, str]:
    """A steward, Stella, and a viewer, Victor, with their tokens."""
    people = People(console.folder)
    made = {"Stella": people.add("Stella", Role.STEWARD), "Victor": people.add("Victor", Role.VIEWER)}
    return {name: token for name, token in made.items() if token}


@pytest.fixture
def app(console: ConsoleSettings, store: Store, tokens: dict[str, str]) -> FastAPI:
    """The console's application, with a page for all, a decision for stewards and routes that fail."""
    return with_probes(create_app(console, store))


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    """A browser that nobody is signed in at, and that sends the Origin of our own pages."""
    return open_browser(app)


@pytest.fixture
def stella(app: FastAPI, tokens: dict[str, str]) -> TestClient:
    """A browser at which the steward is signed in."""
    return signed_in(open_browser(app), "Stella", tokens["Stella"])


@pytest.fixture
def victor(app: FastAPI, tokens: dict[str, str]) -> TestClient:
    """A browser at which the viewer is signed in."""
    return signed_in(open_browser(app), "Victor", tokens["Victor"])
