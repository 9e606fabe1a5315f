"""Signing in and out: who gets in, how often one may try, and where it leads."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Role
from tests.apps.console.browsers import HOST, audited, csrf_of, open_browser, signed_in

COOKIE = "xray-8420"


def test_a_person_signs_in_and_out(browser: TestClient, tokens: dict[str, str], console: ConsoleSettings) -> None:
    """The right token opens the page that was asked for, until the person signs out."""
    asked = browser.get("/probe?page=2")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2Fprobe%3Fpage%3D2"
    assert 'value="/probe?page=2"' in browser.get(asked.headers["location"]).text
    sent = {"name": "Stella", "token": tokens["Stella"], "next": "/probe?page=2"}
    answer = browser.post("/sign-in", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/probe?page=2")
    assert "Stella, steward" in browser.get("/probe").text
    assert browser.get("/sign-in").headers["location"] == "/"
    kept = browser.cookies[COOKIE]
    left = browser.post("/sign-out", data={"csrf": csrf_of(browser)})
    assert (left.headers["location"], left.headers["clear-site-data"]) == ("/sign-in", '"cache"')
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, kept)
    assert browser.get("/probe").status_code == 303
    assert [line["event"] for line in audited(console)] == ["sign-in", "sign-out"]


@pytest.mark.parametrize("name", ["Stella", "Nobody", "", "stella", "Stella\0", "<script>"])
@pytest.mark.parametrize("token", ["", "wrong", "xray_" + "A" * 43])
def test_a_wrong_token_opens_nothing(browser: TestClient, name: str, token: str) -> None:
    """No name is let in with another token than its own, and the answer tells no known name from an unknown one."""
    answer = browser.post("/sign-in", data={"name": name, "token": token})
    assert answer.status_code == 403
    assert "Name and token do not belong together." in answer.text
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text


def test_a_token_is_its_persons_alone(browser: TestClient, tokens: dict[str, str]) -> None:
    """Victor's token lets nobody in as Stella."""
    assert browser.post("/sign-in", data={"name": "Stella", "token": tokens["Victor"]}).status_code == 403


def test_a_person_without_a_token_never_signs_in(browser: TestClient, console: ConsoleSettings) -> None:
    """Who is known for a proxy alone has no token that could be right."""
    People(console.folder).add("Paula", Role.STEWARD, with_token=False)
    for token in ("", "None", "null"):
        assert browser.post("/sign-in", data={"name": "Paula", "token": token}).status_code == 403


def test_the_audit_file_never_holds_a_token(
    browser: TestClient, tokens: dict[str, str], console: ConsoleSettings
) -> None:
    """A failed sign-in is written down with the name where there is one, and nothing that was typed otherwise."""
    browser.post("/sign-in", data={"name": tokens["Stella"], "token": "Stella"})
    browser.post("/sign-in", data={"name": "Stella", "token": tokens["Victor"]})
    assert [(line["event"], line["facts"]) for line in audited(console)] == [
        ("failed sign-in", {"name": None}),
        ("failed sign-in", {"name": "Stella"}),
    ]
    signed_in(browser, "Stella", tokens["Stella"])
    text = (console.folder / "audit.jsonl").read_text()
    assert not any(secret in text for secret in (*tokens.values(), browser.cookies[COOKIE], csrf_of(browser)))


def test_a_session_that_was_planted_is_not_taken_over(browser: TestClient, tokens: dict[str, str]) -> None:
    """Signing in makes a new id, and ends the session that was there."""
    signed_in(browser, "Victor", tokens["Victor"])
    first = browser.cookies[COOKIE]
    signed_in(browser, "Stella", tokens["Stella"])
    assert browser.cookies[COOKIE] != first
    browser.cookies.clear()
    browser.cookies.set(COOKIE, first)
    assert browser.get("/probe").status_code == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: TestClient, tokens: dict[str, str]) -> None:
    """It is HttpOnly and SameSite, for this host alone, and gone with the browser."""
    answer = browser.post("/sign-in", data={"name": "Stella", "token": tokens["Stella"]})
    name, *marks = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert {mark.lower() for mark in marks} == {"httponly", "path=/", "samesite=lax"}


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {}])
def test_another_site_signs_nobody_in(
    app: FastAPI, tokens: dict[str, str], headers: dict[str, str], console: ConsoleSettings
) -> None:
    """A sign-in that one of our own pages did not send is refused, though the token is right, and fills no file."""
    browser = TestClient(app, base_url=f"http://{HOST}", headers=headers, follow_redirects=False)
    answer = browser.post("/sign-in", data={"name": "Stella", "token": tokens["Stella"]})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert audited(console) == []


def test_guessing_is_held_up(app: FastAPI, browser: TestClient, tokens: dict[str, str]) -> None:
    """After ten failures an address waits, even with the right token; another address does not."""
    for _ in range(10):
        assert browser.post("/sign-in", data={"name": "Stella", "token": "guess"}).status_code == 403
    held_up = browser.post("/sign-in", data={"name": "Stella", "token": tokens["Stella"]})
    assert held_up.status_code == 429
    assert 0 < int(held_up.headers["retry-after"]) <= 30
    signed_in(open_browser(app, address="10.1.1.1"), "Stella", tokens["Stella"])


def test_many_addresses_guess_no_more_than_one_console_allows(
    app: FastAPI, tokens: dict[str, str], stella: TestClient
) -> None:
    """A hundred addresses together are held up as well, but not the one from which Stella signed in before."""
    for number in range(100):
        stranger = open_browser(app, address=f"10.0.{number}.1")
        assert stranger.post("/sign-in", data={"name": "Stella", "token": "guess"}).status_code == 403
    stranger = open_browser(app, address="10.1.0.1")
    assert stranger.post("/sign-in", data={"name": "Stella", "token": "guess"}).status_code == 429
    signed_in(open_browser(app), "Stella", tokens["Stella"])


@pytest.mark.parametrize(
    "going_to", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x", ""]
)
def test_signing_in_leads_to_no_other_site(browser: TestClient, tokens: dict[str, str], going_to: str) -> None:
    """Where `next` is no path of the console, the first page comes next."""
    sent = {"name": "Stella", "token": tokens["Stella"], "next": going_to}
    assert browser.post("/sign-in", data=sent).headers["location"] == "/"
    assert browser.get("/sign-in", params={"next": going_to}).headers["location"] == "/"
