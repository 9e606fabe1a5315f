"""Browsers at a console, as the tests open them, and what the audit file says of them."""

import json
import re
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from apps.console.access.audit import audit
from apps.console.access.forms import CheckedForm
from apps.console.access.settings import ConsoleSettings, read_networks
from apps.console.access.visiting import SignedIn, Steward
from apps.console.rendering import render_page

HOST = "127.0.0.1:8420"


def open_browser(app: FastAPI, origin: str = f"http://{HOST}", address: str = "127.0.0.1") -> TestClient:
    """A browser at `address` that follows no redirect, and sends `origin` with its forms."""
    return TestClient(
        app,
        base_url=origin,
        client=(address, 50000),
        headers={"origin": origin},
        follow_redirects=False,
        raise_server_exceptions=False,
    )


def signed_in(browser: TestClient, name: str, token: str) -> TestClient:
    """The browser, with somebody signed in."""
    answer = browser.post("/sign-in", data={"name": name, "token": token})
    assert answer.status_code == 303, answer.text
    return browser


def csrf_of(browser: TestClient) -> str:
    """The secret in the forms of the page that the browser shows."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/probe").text)
    assert found
    return found[1]


def audited(console: ConsoleSettings) -> list[dict[str, Any]]:
    """The lines of the audit file."""
    path = console.folder / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def behind_proxy(console: ConsoleSettings) -> ConsoleSettings:
    """The same console behind a proxy at 10.0.0.7 that signs people in, known as desk.example."""
    return replace(console, hosts=frozenset({"desk.example:443"}), proxies=read_networks(["10.0.0.7"]))


def with_probes(app: FastAPI) -> FastAPI:
    """Add a page for who is signed in, a decision for stewards, and a page that fails as the test says."""

    @app.get("/probe")
    def page(visitor: SignedIn) -> Response:
        return render_page("message.html", visitor, headline="Probe", text=visitor.name, back="/", back_words="Back")

    @app.post("/probe")
    def decide(request: Request, visitor: Steward, form: CheckedForm) -> Response:
        audit(request, visitor, "decision", image=form.one("image"))
        return Response("decided")

    @app.get("/failing")
    def fail(request: Request, visitor: SignedIn, page: int = 1) -> Response:
        raise request.app.state.failure

    @app.get("/own-headers")
    def own_headers() -> Response:
        return Response("", headers={"content-security-policy": "sandbox", "cache-control": "private"})

    return app
