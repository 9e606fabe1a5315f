"""What stands before every page: hosts, bodies, and the headers of every answer."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from apps.console.access.settings import ConsoleSettings, name_host, read_networks
from apps.console.app import create_app
from apps.console.rendering import style_url
from storage.store import Store
from tests.apps.console.browsers import HOST, open_browser, signed_in, with_probes
from xray_model.errors import ConfigurationError


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8420", "127.0.0.1", "127.0.0.1:8421", "localhost:8420", f"{HOST}@evil", ""]
)
def test_another_host_is_refused(browser: TestClient, host: str) -> None:
    """A name that was made to point here by its name server gets no page, and cannot sign in."""
    assert browser.get("/sign-in", headers={"host": host}).status_code == 421
    assert browser.post("/sign-in", headers={"host": host, "origin": f"http://{host}"}).status_code == 421


def test_two_hosts_are_refused(browser: TestClient) -> None:
    """Nobody can say which of them counts."""
    assert browser.get("/sign-in", headers=[("host", HOST), ("host", HOST)]).status_code == 421


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"])
def test_a_proxy_that_nobody_named_is_refused(browser: TestClient, name: str) -> None:
    """Behind one all the world would seem to sit at this machine."""
    assert browser.get("/sign-in", headers={name: "203.0.113.9"}).status_code == 403


@pytest.mark.parametrize("path", ["/probe", "/sign-in", "/nothing", "/failing", style_url()])
def test_every_answer_is_protected(app: FastAPI, stella: TestClient, path: str) -> None:
    """Redirects, pages, errors and the style sheet all forbid scripts, frames and sniffing."""
    app.state.failure = ZeroDivisionError()
    headers = stella.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == ("no-store" if "static" not in path else "public, max-age=31536000, immutable")
    assert "strict-transport-security" not in headers
    assert "server" not in headers


def test_refusals_of_the_guard_are_protected(browser: TestClient) -> None:
    """What it refuses itself has the same headers."""
    answer = browser.get("/", headers={"host": "evil.example"})
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_a_route_sets_itself_stays(browser: TestClient) -> None:
    """A stored report has its own policy, and pictures may be kept."""
    headers = browser.get("/own-headers").headers
    assert headers.get_list("content-security-policy") == ["sandbox"]
    assert headers.get_list("cache-control") == ["private"]
    assert headers["x-frame-options"] == "DENY"


def test_over_tls_cookies_and_headers_keep_to_it(
    console: ConsoleSettings, store: Store, tokens: dict[str, str]
) -> None:
    """The cookie is Secure and for this host alone, and browsers come back over TLS."""
    tls = replace(console, hosts=frozenset({"desk.example:443"}), tls=True)
    browser = open_browser(with_probes(create_app(tls, store)), "https://desk.example")
    answer = browser.post("/sign-in", data={"name": "Stella", "token": tokens["Stella"]})
    name, *marks = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-xray-8420=")
    assert {mark.lower() for mark in marks} == {"httponly", "path=/", "samesite=lax", "secure"}
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "Stella" in browser.get("/probe").text
    plain = open_browser(with_probes(create_app(tls, store)), "http://desk.example")
    plain.headers["host"] = "desk.example"
    assert plain.post("/sign-in", data={"name": "Stella", "token": tokens["Stella"]}).status_code == 403


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"content-length": "5"}, 400),
        ("GET", {"transfer-encoding": "chunked"}, 400),
        ("DELETE", {"content-length": "5"}, 400),
        ("POST", {"content-length": "-1"}, 400),
        ("POST", {"content-length": "1_0"}, 400),
        ("POST", {"content-length": "5", "transfer-encoding": "chunked"}, 400),
        ("POST", {"content-length": "1000001"}, 413),
        ("POST", {"content-length": "9" * 5000}, 400),
    ],
)
def test_bodies_that_make_no_sense_are_refused(
    browser: TestClient, method: str, headers: dict[str, str], status: int
) -> None:
    """A body where none belongs, or of a length that nobody can tell, closes the connection."""
    answer = browser.request(method, "/sign-in", headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (status, "close")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(stella: TestClient, method: str) -> None:
    """Pages are looked at, forms are sent, and that is all."""
    assert stella.request(method, "/probe").status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/", "/static/../app.py", "/%2e%2e/etc"])
def test_nothing_else_is_served(stella: TestClient, path: str) -> None:
    """No generated documentation, and no file but the style sheet."""
    assert stella.get(path).status_code == 404


def test_there_are_no_websockets(stella: TestClient) -> None:
    """One is closed before it is open."""
    with pytest.raises(WebSocketDisconnect), stella.websocket_connect("/probe"):
        pass


def test_signing_in_twice_is_no_secret_shared(app: FastAPI, tokens: dict[str, str]) -> None:
    """Two browsers of one person have two cookies."""
    two = [signed_in(open_browser(app), "Stella", tokens["Stella"]) for _ in range(2)]
    assert two[0].cookies["xray-8420"] != two[1].cookies["xray-8420"]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Desk.Example", "desk.example:80"),
        ("desk.example.:0443", "desk.example:443"),
        ("[::1]:8420", "[::1]:8420"),
        ("[::1]", "[::1]:80"),
        ("::1", None),
        ("desk.example:port", None),
        ("desk.example/path", None),
        ("user@desk.example", None),
        ("desk example", None),
        ("", None),
    ],
)
def test_hosts_are_read_strictly(text: str, host: str | None) -> None:
    """A name and a port, in one way of writing, or nothing."""
    assert name_host(text, 80) == host


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy", ""])
def test_networks_that_trust_too_much_are_refused(text: str) -> None:
    """Everybody is no proxy, and what is no network is named."""
    with pytest.raises(ConfigurationError, match="--proxy"):
        read_networks([text])
