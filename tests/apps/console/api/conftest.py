"""A console that predicts, and a program that holds a viewer's token."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from storage.store import Store
from tests.apps.console.api.doubles import FakeService
from tests.apps.console.api.serving import served, tiny_service
from tests.apps.console.browsers import HOST


@pytest.fixture
def service() -> FakeService:
    """A service that answers."""
    return FakeService()


@pytest.fixture
def predicting(console: ConsoleSettings, store: Store, tokens: dict[str, str], service: FakeService) -> FastAPI:
    """The console, with that service."""
    return create_app(console, store, service)


@pytest.fixture
def program(predicting: FastAPI, tokens: dict[str, str]) -> TestClient:
    """What is no browser: it sends a viewer's token and no Origin."""
    return TestClient(
        predicting,
        base_url=f"http://{HOST}",
        headers={"authorization": f"Bearer {tokens['Victor']}"},
        raise_server_exceptions=False,
    )


@pytest.fixture(scope="session")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same at a real server, with the real service in it and a tiny model."""
    home = tmp_path_factory.mktemp("home")
    with tiny_service(home) as service, served(home, service) as client:
        yield client
