"""Forms: what is taken, and that nobody else can send one in a person's name."""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI, HTTPException
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from apps.console.access import forms
from apps.console.access.forms import MOST_BYTES, MOST_FIELDS, parse_form
from apps.console.access.settings import ConsoleSettings
from tests.apps.console.browsers import HOST, audited, csrf_of
from xray_model.errors import InvalidInput

FORM = {"content-type": "application/x-www-form-urlencoded"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_fields_come_as_they_were_sent(pairs: list[tuple[str, str]]) -> None:
    """Any text a browser can send arrives unchanged and in order."""
    form = parse_form(urlencode(pairs).encode())
    for name in {name for name, _ in pairs}:
        assert form.many(name) == tuple(value for other, value in pairs if other == name)
    assert form.many("none of these, for it is too long") == ()


@given(st.binary(max_size=200))
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    """No body makes it fall over in another way, and what is taken was written as browsers write it."""
    with suppress(HTTPException):
        parse_form(body)
        assert body.isascii()


def test_one_is_there_once() -> None:
    """A field that is missing or comes twice is refused where one is wanted."""
    form = parse_form(b"a=1&b=2&b=3&c=")
    assert (form.one("a"), form.one("c"), form.many("b")) == ("1", "", ("2", "3"))
    for name in ("b", "d"):
        with pytest.raises(InvalidInput, match=f"'{name}'"):
            form.one(name)


@pytest.mark.parametrize("body", [b"a=%ff", b"a=%ed%a0%80", b"a=\xc3\xa4", b"a", b"&&&", b"a=1;b=2&x", b"\0"])
def test_what_is_no_form_in_utf8_is_refused(body: bytes) -> None:
    """Nothing is guessed, replaced or passed over."""
    with pytest.raises(HTTPException) as caught:
        parse_form(body)
    assert caught.value.status_code == 400


def test_fields_are_bounded(stella: TestClient) -> None:
    """A thousand fields are taken, and one more is not."""
    fields = "&".join(["image=a", *["x=1"] * (MOST_FIELDS - 2), f"csrf={csrf_of(stella)}"])
    assert stella.post("/probe", content=fields, headers=FORM).status_code == 200
    assert stella.post("/probe", content=fields + "&x=1", headers=FORM).status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded; charset=latin-1"},
        {"content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip"},
        {"content-type": ""},
    ],
)
def test_other_kinds_of_body_are_refused(stella: TestClient, headers: dict[str, str]) -> None:
    """415 for all that is no plain form."""
    content = urlencode({"csrf": csrf_of(stella), "image": "a"})
    assert stella.post("/probe", content=content, headers=headers).status_code == 415
    assert stella.post("/sign-in", content=content, headers=headers).status_code == 415


def test_a_charset_of_utf8_is_taken(stella: TestClient) -> None:
    """Browsers and tools may say what it is anyway."""
    content = urlencode({"csrf": csrf_of(stella), "image": "a"})
    headers = {"content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}
    assert stella.post("/probe", content=content, headers=headers).text == "decided"


@pytest.mark.parametrize("path", ["/probe", "/sign-in"])
def test_a_long_body_is_refused_whether_or_not_it_says_so(stella: TestClient, path: str) -> None:
    """413 by Content-Length before anything is read, and without one while it is read."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10 * MOST_BYTES // 2**16):
            sent += 2**16
            yield b"x" * 2**16

    assert stella.post(path, content=b"x=" + b"a" * MOST_BYTES, headers=FORM).status_code == 413
    assert stella.post(path, content=endless(), headers=FORM).status_code == 413


@pytest.mark.parametrize("path", ["/probe", "/sign-in"])
def test_a_body_that_never_ends_is_given_up(
    stella: TestClient, app: FastAPI, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408 for a form that does not arrive in time."""

    async def never(_: object) -> bytes:
        raise TimeoutError

    monkeypatch.setattr(forms, "_read_body", never)
    assert stella.post(path, data={"a": "b"}).status_code == 408


@pytest.mark.parametrize(
    "data",
    [
        {"image": "a"},
        {"image": "a", "csrf": ""},
        {"image": "a", "csrf": "x" * 43},
        {"image": "a", "csrf": "ä"},
    ],
)
def test_a_form_without_the_sessions_secret_does_nothing(
    stella: TestClient, data: dict[str, str], console: ConsoleSettings
) -> None:
    """403, written down, and no decision."""
    assert stella.post("/probe", data=data).status_code == 403
    last = audited(console)[-1]
    assert (last["who"], last["event"]) == ("Stella", "forged form")


def test_the_secret_comes_once_and_is_the_own_one(stella: TestClient, victor: TestClient) -> None:
    """Two secrets are none, and another session's is none."""
    own = csrf_of(stella)
    assert stella.post("/probe", data={"image": "a", "csrf": [own, own]}).status_code == 403
    assert stella.post("/probe", data={"image": "a", "csrf": csrf_of(victor)}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": f"http://{HOST}"}, 200),
        ({"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 403),
        ({"origin": ""}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "http://127.0.0.1:8421"}, 403),
        ({"origin": f"http://{HOST}.evil.example"}, 403),
        ({"origin": f"http://evil@{HOST}"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": f"http://{HOST}", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": f"http://{HOST}", "sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
    ],
)
def test_only_our_own_pages_send_forms(
    app: FastAPI, stella: TestClient, headers: dict[str, str], status: int, console: ConsoleSettings
) -> None:
    """With the right cookie and secret, what counts is the site that the browser says it came from."""
    data = {"image": "a", "csrf": csrf_of(stella)}
    browser = TestClient(app, base_url=f"http://{HOST}", cookies=stella.cookies)
    assert browser.post("/probe", data=data, headers=headers).status_code == status
    assert (audited(console)[-1]["event"] == "forged form") == (status == 403)
