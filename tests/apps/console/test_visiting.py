"""Roles, who needs no sign-in, and where a sign-in may lead."""

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visiting import local_path, sign_in_address
from apps.console.access.visitors import Role
from apps.console.app import create_app
from storage.store import Store
from tests.apps.console.browsers import audited, csrf_of, open_browser, with_probes

SITE = "https://desk.example"


@given(st.text(max_size=60) | st.text(alphabet="/\\.:@?#%\t\n evil", max_size=30).map("/".__add__))
def test_next_never_leads_off_the_site(text: str) -> None:
    """Whatever `next` says, what becomes of it is on the console's own host, and is no page to sign in or out."""
    kept = local_path(text)
    # A browser drops tabs and line ends, and reads a backslash as a slash.
    seen = urljoin(SITE, "".join(kept.split()).replace("\\", "/"))
    assert (urlsplit(seen).scheme, urlsplit(seen).netloc) == ("https", "desk.example")
    assert kept in {"/", text}
    assert urlsplit(seen).path not in {"/sign-in", "/sign-out"}


@given(
    st.from_regex(r"/[a-z]{1,8}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,7}){0,3}(\?[a-z]=[A-Za-z0-9%+]{0,5})?", fullmatch=True)
)
def test_next_leads_back_to_our_own_pages(path: str) -> None:
    """A path of the console is kept as it was asked for."""
    assert local_path(path) == path
    assert sign_in_address(path).startswith("/sign-in?next=%2F")


def test_a_viewer_looks_and_does_not_decide(victor: TestClient, console: ConsoleSettings) -> None:
    """A viewer's decision is refused, done nowhere, and written down."""
    assert "Victor, viewer" in victor.get("/probe").text
    answer = victor.post("/probe", data={"csrf": csrf_of(victor), "image": "a"})
    assert answer.status_code == 403
    assert "stewards" in answer.text
    last = audited(console)[-1]
    assert (last["who"], last["role"], last["event"]) == ("Victor", "viewer", "refused role")
    assert last["facts"] == {"method": "POST", "path": "/probe"}


def test_a_steward_decides(stella: TestClient, console: ConsoleSettings) -> None:
    """A steward's decision is done and written down with who, from where, and about what."""
    assert stella.post("/probe", data={"csrf": csrf_of(stella), "image": "a"}).text == "decided"
    last = audited(console)[-1]
    assert (last["who"], last["role"], last["address"], last["event"], last["facts"]) == (
        "Stella",
        "steward",
        "127.0.0.1",
        "decision",
        {"image": "a"},
    )


def test_nobody_posts_without_signing_in(browser: TestClient) -> None:
    """Who is not signed in is led to the sign-in page, and what was sent is not looked at."""
    answer = browser.post("/probe", data={"image": "a"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("junk", ["", "x" * 43, "é", "../../etc/passwd", "Stella"])
def test_a_made_up_cookie_signs_nobody_in(browser: TestClient, junk: str) -> None:
    """Only an id that the console gave counts."""
    answer = browser.get("/probe", headers={"cookie": f"xray-8420={junk}".encode()})
    assert answer.status_code == 303


def test_on_loopback_the_login_name_decides_until_people_are_named(console: ConsoleSettings, store: Store) -> None:
    """Without people the owner is a steward, with a secret in each form; the first person that is added ends it."""
    owned = replace(console, owner="ada")
    browser = open_browser(with_probes(create_app(owned, store)))
    page = browser.get("/probe").text
    assert "ada, steward" in page
    assert "Sign out" not in page
    assert browser.post("/probe", data={"image": "a"}).status_code == 403
    assert browser.post("/probe", data={"image": "a", "csrf": csrf_of(browser)}).text == "decided"
    assert browser.get("/sign-in").headers["location"] == "/"
    People(console.folder).add("Stella", Role.STEWARD)
    assert browser.get("/probe").status_code == 303


def test_a_damaged_list_of_people_lets_nobody_in(console: ConsoleSettings, store: Store) -> None:
    """Where nobody can say who may come in, the answer is an error that names no file."""
    browser = open_browser(with_probes(create_app(replace(console, owner="ada"), store)))
    console.folder.mkdir(parents=True)
    (console.folder / "people.json").write_text("{")
    answer = browser.get("/probe")
    assert answer.status_code == 500
    assert "people.json" not in answer.text
