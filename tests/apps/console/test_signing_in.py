"""Signing in and out: who gets in, and how often one may try."""

from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from tests.apps.console.browsers import audited, csrf_of


def test_a_person_signs_in_and_out(browser: TestClient, tokens: dict[str, str], console: ConsoleSettings) -> None:
    """The right token opens the page that was asked for, until the person signs out."""
    asked = browser.get("/probe?page=2")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2Fprobe%3Fpage%3D2"
    sent = {"name": "Stella", "token": tokens["Stella"], "next": "/probe?page=2"}
    answer = browser.post("/sign-in", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/probe?page=2")
    assert "Stella, steward" in browser.get("/probe").text
    assert browser.post("/sign-out", data={"csrf": csrf_of(browser)}).headers["location"] == "/sign-in"
    assert browser.get("/probe").status_code == 303
    assert [line["event"] for line in audited(console)] == ["sign-in", "sign-out"]
