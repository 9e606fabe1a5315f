"""Behind a proxy who asks is what the trusted proxy says, and nobody else's word counts."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from storage.store import Store
from tests.apps.console.browsers import audited, behind_proxy, csrf_of, open_browser, with_probes

SITE = "https://desk.example"


@pytest.fixture
def proxied(console: ConsoleSettings, store: Store, tokens: dict[str, str]) -> FastAPI:
    """The console behind a proxy at 10.0.0.7, with the people who have tokens."""
    return with_probes(create_app(behind_proxy(console), store))


@pytest.fixture
def proxy(proxied: FastAPI) -> TestClient:
    """What comes through the proxy."""
    return open_browser(proxied, SITE, "10.0.0.7")


def test_a_proxys_word_is_taken(proxy: TestClient) -> None:
    """The person it names has the role that the console knows, and signs neither in nor out here."""
    headers = {"X-Forwarded-User": "Victor"}
    page = proxy.get("/probe", headers=headers).text
    assert "Victor, viewer" in page
    assert "Sign out" not in page
    assert proxy.get("/sign-in", headers=headers).headers["location"] == "/"


def test_a_form_carries_the_secret_of_its_own_person(proxy: TestClient) -> None:
    """The secret of another person's page is refused, and so is none."""
    secrets = {}
    for name in ("Stella", "Victor"):
        proxy.headers["X-Forwarded-User"] = name
        secrets[name] = csrf_of(proxy)
    proxy.headers["X-Forwarded-User"] = "Stella"
    assert proxy.post("/probe", data={"csrf": secrets["Victor"], "image": "a"}).status_code == 403
    assert proxy.post("/probe", data={"image": "a"}).status_code == 403
    assert proxy.post("/probe", data={"csrf": secrets["Stella"], "image": "a"}).text == "decided"


@pytest.mark.parametrize("address", ["10.0.0.8", "127.0.0.1", "::1", "::ffff:10.0.0.8", "testclient"])
def test_any_other_address_is_refused(proxied: FastAPI, address: str) -> None:
    """Who is no trusted proxy gets no page at all, whatever headers it sends."""
    headers = {"X-Forwarded-User": "Stella", "X-Forwarded-For": "10.0.0.7"}
    assert open_browser(proxied, SITE, address).get("/probe", headers=headers).status_code == 403
    assert open_browser(proxied, SITE, address).get("/sign-in", headers=headers).status_code == 403


def test_a_proxys_address_is_known_in_both_families(proxied: FastAPI) -> None:
    """An IPv4 proxy that comes in through an IPv6 socket is the same one."""
    browser = open_browser(proxied, SITE, "::ffff:10.0.0.7")
    assert browser.get("/probe", headers={"X-Forwarded-User": "Stella"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Forwarded-User", "Stella"), ("X-Forwarded-User", "Stella")],
        [("X-Forwarded-User", "Victor"), ("x-forwarded-user", "Stella")],
        [("X-Forwarded-User", "")],
        [("X-Forwarded-User", "Victor, Stella")],
        [("X-Forwarded-User", "Mallory")],
        [("X-Forwarded-User", "stella")],
        [("X_Forwarded_User", "Stella")],
        [("X-Forwarded-User", b"\xff")],
    ],
)
def test_a_name_that_is_not_said_once_and_known_is_refused(
    proxy: TestClient, headers: list[tuple[str, str | bytes]]
) -> None:
    """No header, several, an unknown name or a broken one opens nothing."""
    sent = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers]
    assert proxy.get("/probe", headers=sent).status_code == 403


def test_nobody_signs_in_with_a_token(proxy: TestClient, tokens: dict[str, str]) -> None:
    """A right token is no way round the proxy."""
    answer = proxy.post("/sign-in", data={"name": "Stella", "token": tokens["Stella"]})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_who_is_removed_is_refused_at_once(proxy: TestClient, console: ConsoleSettings) -> None:
    """The proxy's word alone lets nobody in."""
    proxy.headers["X-Forwarded-User"] = "Stella"
    assert proxy.get("/probe").status_code == 200
    People(console.folder).remove("Stella")
    assert proxy.get("/probe").status_code == 403
    assert audited(console)[-1]["event"] == "refused name"
