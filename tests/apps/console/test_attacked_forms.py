"""Forms as an attacker sends them: forged, replayed, swollen, or about what is not theirs. Nothing is decided."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.forms import MOST_BYTES, MOST_FIELDS
from apps.console.access.settings import ConsoleSettings
from apps.console.uploads import UPLOAD_PATHS
from storage.decisions import load_decisions
from storage.store import Store
from tests.apps.console.browsers import HOST, audited
from tests.apps.console.filling import fill, image_id

FORM = {"content-type": "application/x-www-form-urlencoded"}
FORGERIES: list[tuple[dict[str, str], str]] = [
    ({"origin": "https://evil.example"}, "own"),
    ({"origin": "null"}, "own"),
    ({}, "own"),
    ({"origin": f"http://{HOST}", "sec-fetch-site": "cross-site"}, "own"),
    ({"origin": f"http://{HOST}", "sec-fetch-site": "same-site"}, "own"),
    ({"origin": f"http://{HOST}"}, "another's"),
    ({"origin": f"http://{HOST}"}, "none"),
    ({"origin": f"http://{HOST}"}, "empty"),
    ({"origin": f"http://{HOST}"}, "twice"),
    ({"origin": f"http://{HOST}"}, "in the address"),
]


@pytest.fixture
def batch(store: Store) -> str:
    """A batch with six images, of which somebody decided about one."""
    return fill(store, "b", ["quarantined", "held", "quarantined", "accepted", "quarantined", "held"])


def fields_of(browser: TestClient, batch: str, **more: str) -> dict[str, str]:
    """A form that rejects the first image, as the browser's own page of the batch makes it."""
    page = browser.get(f"/batches/{batch}?status=quarantined").text
    hidden = dict(re.findall(r'type="hidden" name="([a-z]+)" value="([^"]*)"', page))
    return hidden | {"about": "ticked", "image": image_id("b", 0), "why": "seen", "action": "reject"} | more


def post_paths(app: FastAPI, batch: str, decision: str) -> list[str]:
    """Every address that takes forms, about this batch and this decision."""
    paths = [path for path, methods in app.openapi()["paths"].items() if "post" in methods]
    filled = [path.format(batch_id=batch, decision_id=decision, image_id=image_id("b", 0)) for path in paths]
    assert not [path for path in filled if "{" in path]
    assert len(filled) >= 4
    return filled


def files_for(path: str) -> dict[str, bytes]:
    """What the form at this address brings beside its fields."""
    return {"image": b"no image"} if path in UPLOAD_PATHS else {}


def decide(browser: TestClient, batch: str, **more: str) -> str:
    """Decide about the first image; gives the decision's id."""
    answer = browser.post(f"/batches/{batch}/decisions?status=quarantined", data=fields_of(browser, batch, **more))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].rpartition("=")[2])


def contents(store: Store) -> dict[str, bytes]:
    """All that is in the store."""
    return {info.key: store.objects.get(info.key) for info in store.objects.list()}


def csrf_of_page(browser: TestClient) -> str:
    """The secret of the session, which is in the form to sign out of every page."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/").text)
    assert found
    return found[1]


@pytest.mark.parametrize(("headers", "secret"), FORGERIES)
def test_a_forged_form_changes_nothing_anywhere(
    app: FastAPI,
    stella: TestClient,
    victor: TestClient,
    store: Store,
    console: ConsoleSettings,
    batch: str,
    headers: dict[str, str],
    secret: str,
) -> None:
    """Every address that takes a form refuses one from another site, and one without the session's secret."""
    decision = decide(stella, batch)
    before = contents(store)
    form = fields_of(stella, batch) | {"name": "Stella"}
    own = form.pop("csrf")
    query = f"?csrf={own}" if secret == "in the address" else ""  # noqa: S105 - how the form is forged
    carried = {
        "own": [own],
        "another's": [csrf_of_page(victor)],
        "empty": [""],
        "twice": [own, own],
    }
    sender = TestClient(app, base_url=f"http://{HOST}", cookies=stella.cookies, follow_redirects=False)
    for path in post_paths(app, batch, decision):
        lines = len(audited(console))
        if path == "/sign-in" and headers == {"origin": f"http://{HOST}"}:
            continue  # it begins the session whose secret there is not yet
        fields = {**form, "csrf": carried.get(secret, [])}
        answer = sender.post(path + query, data=fields, files=files_for(path), headers=headers)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
        written = [line["event"] for line in audited(console)[lines:]]
        assert written == ([] if path == "/sign-in" else ["forged form"]), path
    assert contents(store) == before
    assert stella.get("/").status_code == 200


def test_a_viewer_changes_nothing_anywhere(
    app: FastAPI, stella: TestClient, victor: TestClient, store: Store, console: ConsoleSettings, batch: str
) -> None:
    """Every address that decides refuses a viewer, right secret or not, and writes it down."""
    decision = decide(stella, batch)
    before = contents(store)
    form = {**fields_of(stella, batch), "csrf": csrf_of_page(victor)}
    for path in post_paths(app, batch, decision):
        if path in {"/sign-in", "/sign-out"} or path.startswith("/predict"):
            continue
        lines = len(audited(console))
        assert victor.post(path, data=form).status_code == 403, path
        written = [(line["who"], line["event"], line["facts"]["path"]) for line in audited(console)[lines:]]
        assert written == [("Victor", "refused role", path)]
    assert contents(store) == before


def test_looking_changes_nothing(
    app: FastAPI, stella: TestClient, store: Store, console: ConsoleSettings, batch: str
) -> None:
    """No address changes store or audit file when it is asked for, whatever is in it, and other methods are refused."""
    decision = decide(stella, batch)
    before, lines = contents(store), len(audited(console))
    query = urlencode(fields_of(stella, batch))
    for path, methods in app.openapi()["paths"].items():
        address = path.format(
            batch_id=batch, image_id=image_id("b", 0), decision_id=decision, path="index.html", name="covid"
        )
        if "get" in methods and path not in {"/failing", "/metrics/predictions"}:  # there is no service here
            assert stella.get(f"{address}?{query}").status_code < 500
        elif "get" not in methods:
            assert stella.get(f"{address}?{query}").status_code == 405
        for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
            assert stella.request(method, address).status_code == 405, (method, address)
    assert contents(store) == before
    assert len(audited(console)) == lines


def test_nobody_without_a_session_sees_or_changes_anything(
    app: FastAPI, browser: TestClient, stella: TestClient, store: Store, batch: str
) -> None:
    """Every address but the sign-in page, the style sheet and the icon leads a stranger to sign in, but a scraper."""
    decision = decide(stella, batch)
    before = contents(store)
    for path, methods in app.openapi()["paths"].items():
        if path in {"/sign-in", "/favicon.ico", "/own-headers"} or path.startswith("/static/"):
            continue
        address = path.format(
            batch_id=batch, image_id=image_id("b", 0), decision_id=decision, path="index.html", name="covid"
        )
        for method in methods:
            answer = browser.request(method, address)
            if path.startswith("/metrics"):
                assert (answer.status_code, b"xray_" in answer.content) == (401, False)
                continue
            assert answer.status_code == 303, address
            assert answer.headers["location"].startswith("/sign-in")
            assert not answer.content
    assert contents(store) == before


@pytest.mark.parametrize("about", ["ticked", "list", "batch"])
def test_a_form_replayed_at_once_decides_once(
    stella: TestClient, store: Store, console: ConsoleSettings, batch: str, about: str
) -> None:
    """Sent ten times at once, and again after it was taken back: one decision, one line that says it was new."""
    form = fields_of(stella, batch, about=about)
    address = f"/batches/{batch}/decisions?status=quarantined"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: stella.post(address, data=form), range(10)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"].rpartition("=")[2] for answer in answers}) == 1
    (decision,) = load_decisions(store.objects)[batch]
    written = [line["facts"] for line in audited(console) if line["event"] == "decision"]
    assert {facts["decision"] for facts in written} == {decision.id}
    assert sum(facts["new"] for facts in written) == 1
    back = {"csrf": form["csrf"], "token": "back", "why": "a mistake"}
    undone = [stella.post(f"/decisions/{decision.id}/undo", data=back).status_code for _ in range(3)]
    assert undone == [303] * 3
    assert stella.post(address, data=form).status_code == 303
    assert len(load_decisions(store.objects)[batch]) == 2
    assert sum(line["facts"].get("new", False) for line in audited(console)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "b" * 64},
        {"image": ""},
        {"image": "../decisions"},
        {"about": "everything"},
        {"about": "x" * 900_000},
        {"action": "x" * 900_000},
        {"about": "list", "seen": ""},
        {"about": "list", "seen": "0" * 16},
        {"action": "undo"},
        {"action": "delete"},
        {"action": "hold", "about": "batch"},
        {"action": "relabel", "label": "<script>"},
        {"action": "relabel", "label": ""},
        {"why": ""},
        {"why": " \t\r\n\u2003"},
        {"why": "a\0b"},
        {"why": "a\x1b[31mb"},
        {"why": "\u202ereversed"},
        {"why": "\ufeff"},
        {"why": "x" * 2001},
        {"why": "x" * 900_000},
    ],
    ids=lambda wrong: ascii(wrong)[:50],
)
def test_what_cannot_be_decided_is_not(stella: TestClient, store: Store, batch: str, wrong: dict[str, str]) -> None:
    """The refusal is a page of a size that a browser can show, and nothing is recorded."""
    answer = stella.post(f"/batches/{batch}/decisions?status=quarantined", data=fields_of(stella, batch) | wrong)
    assert answer.status_code == 422
    assert len(answer.content) < 20_000
    assert load_decisions(store.objects) == {}


def test_images_count_once_and_are_of_their_batch(stella: TestClient, store: Store, batch: str) -> None:
    """One ticked twice is one image; one of another batch refuses the whole form; and no image is not all of them."""
    fill(store, "c", ["quarantined"])
    address = f"/batches/{batch}/decisions?status=quarantined"
    for images in ([image_id("b", 0), image_id("c", 0)], []):
        form = {**fields_of(stella, batch), "image": images}
        assert stella.post(address, data=form).status_code == 422
    assert load_decisions(store.objects) == {}
    decide(stella, batch, image=[image_id("b", 0)] * 3)  # type: ignore[arg-type] # a field several times
    assert load_decisions(store.objects)[batch][0].image_ids == (image_id("b", 0),)


def test_a_whole_batch_of_which_nothing_is_held(stella: TestClient, store: Store) -> None:
    """A release of it is recorded and changes nothing: what was quarantined by itself is released by name alone."""
    batch = fill(store, "b", ["quarantined", "accepted"])
    decide(stella, batch, about="batch", action="release")
    assert ">1</b> <span>quarantined<" in stella.get(f"/batches/{batch}").text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"csrf=%s&why=" + b"x" * MOST_BYTES, 413),
        (b"csrf=%s&why=" + b"%25" * (MOST_BYTES // 3), 413),
        (b"csrf=%s" + b"&image=a" * MOST_FIELDS, 413),
        (b"csrf=%s" + b"&a=b" * 10_000, 413),
        (b"csrf=%s&why=%%ff%%fe", 400),
        (b"csrf=%s&why=%%ed%%a0%%80", 400),
        (b"csrf=%s&why=\xff\xfe", 400),
        (b"csrf=%s&why=%%2525252525252500&about=ticked&image=a&token=t&action=reject", 422),
        (b"csrf=%s", 422),
        (b"csrf=%s&action=reject&action=release&why=a", 422),
    ],
)
def test_a_body_that_is_none_is_refused_everywhere(
    app: FastAPI, stella: TestClient, store: Store, batch: str, body: bytes, status: int
) -> None:
    """Too large, too many, half a character: every address that decides says so, and nothing is recorded."""
    form = body.replace(b"%s", csrf_of_page(stella).encode(), 1).replace(b"%%", b"%")
    for path in post_paths(app, batch, "0" * 16):
        if path.startswith(("/sign-", "/probe")) or path in UPLOAD_PATHS or (status == 422 and "undo" in path):
            continue
        assert stella.post(path, content=form, headers=FORM).status_code == status, path
    assert load_decisions(store.objects) == {}
