"""Paths that lead elsewhere, and texts that would be markup: nothing is reached, and nothing runs."""

import re
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from storage.objects.local import LocalObjects
from storage.store import Store
from tests.apps.console.browsers import audited
from tests.apps.console.filling import fill, image_id
from tests.apps.console.hostile import BATCH, REFUSED, TURNING, Page, open_desk

TEXTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)//",
    "{{1234*4321}}{% raw %}{{ config }}",
    "]]>--></style></title></textarea></select><svg onload=alert(1)>",
    "&lt;script&gt;&#60;b&#62;",
    "//evil.example/\\evil.example?#",
    "x'; rm -rf ~ #$(id)`id`",
    "gpj\u202eexe.\u2066",
]
ELSEWHERE = [
    "../decisions",
    "../catalog/{batch}.parquet",
    "nights/../../catalog/{batch}.parquet",
    "/etc/passwd",
    "//etc/passwd",
    "....//....//etc/passwd",
    "..\\..\\salt",
    "salt",
    "store.json",
    "catalog",
    "decisions",
    "catalog/{batch}.parquet",
    "index.html/../../store.json",
    ".xray-tmp/x.html",
    "a\0.html",
    "\0",
    "x" * 5000,
    "x" * 300 + ".html",
    "x/" * 600 + "x.html",
    "\uf780.html",
    "a\r\nSet-Cookie: a=b.html",
    "\u202e.json",
]


def stays(page: str, link: str) -> bool:
    """Whether a link of a page leads to the console itself; reports have an icon of no bytes."""
    where = urlsplit(urljoin(f"https://desk.example{page}", link.replace("\\", "/")))
    return (where.scheme, where.netloc) == ("https", "desk.example") or link == "data:,"


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    """Every page of a store in which the text is a plain word."""
    browser, addresses = open_desk(tmp_path_factory.mktemp("plain"), "plain")
    return [Page(browser.get(address).text) for address in addresses]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_is_markup(tmp_path: Path, harmless: list[Page], text: str) -> None:
    """Whoever wrote it where: each page has the elements it has with a plain word, and leads to no other site."""
    browser, addresses = open_desk(tmp_path, text)
    for address, plain in zip(addresses, harmless, strict=True):
        answer = browser.get(address)
        assert answer.status_code in {200, 404, 422}, address
        page = Page(answer.text)
        # A slash within makes another address, of which nobody knows anything: the last one's page.
        assert page.skeleton in (plain.skeleton, harmless[-1].skeleton if "/" in text else None), address
        assert all(stays(address, one) for one in page.addresses), address
        assert not TURNING.search(answer.text), address
        assert str(1234 * 4321) not in page.words, address
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';"), address
        assert ("form-action" in policy, "script" in policy) == (True, False), address
        assert not {"set-cookie", "refresh", "link"} & set(answer.headers), address
    shown = Page(browser.get(f"/batches/{BATCH}").text).words
    assert f"is {TURNING.sub(chr(0xFFFD), text)}" in shown


def test_a_copied_command_holds_no_other(tmp_path: Path) -> None:
    """The command that a page gives for a batch that could not be read quotes the source's name for a shell."""
    browser, _ = open_desk(tmp_path, "x'; rm -rf ~ #")
    words = Page(browser.get(f"/batches/{REFUSED}").text).words
    assert """--source 'x'"'"'; rm -rf ~ #' --batch NAME""" in words


@pytest.mark.parametrize("text", ["//evil.example", "https://evil.example", "/\\evil", "/x\r\nSet-Cookie: a=b", "/\0"])
def test_no_parameter_leads_away_or_makes_a_header(
    stella: TestClient, browser: TestClient, store: Store, text: str
) -> None:
    """Where a sign-in or a decision leads to is this console, whatever the address and the form said."""
    batch_id = fill(store, "b", ["quarantined"] * 2)
    said = quote(text, safe="")
    page = stella.get(f"/batches/{batch_id}")
    fields = dict(re.findall(r'type="hidden" name="([a-z]+)" value="([^"]*)"', page.text))
    form = fields | {"about": "batch", "why": "seen", "action": "reject", "next": text}
    query = f"status={said}&reason={said}&clue=view&value={said}&page={said}&decided={said}&next={said}"
    answers = [
        stella.post(f"/batches/{batch_id}/decisions?{query}", data=form),
        stella.get(f"/sign-in?next={said}"),
        browser.get(f"/sign-in?next={said}"),
        browser.get(f"/batches/{batch_id}?{query}"),
    ]
    assert [answer.status_code for answer in answers] == [303, 303, 200, 303]
    for answer in answers:
        assert re.match(r"/(?![/\\])", answer.headers.get("location", "/"))
        assert "evil" not in (answer.headers.get("location") or "").partition("?")[0]
        assert "set-cookie" not in answer.headers


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the objects that are read."""
    keys: list[str] = []
    for name in ("get", "get_range"):
        original = getattr(LocalObjects, name)

        def spy(self: LocalObjects, key: str, *more: int, original: object = original) -> bytes:
            keys.append(key)
            return original(self, key, *more)  # type: ignore[operator,no-any-return] # the method it stands for

        monkeypatch.setattr(LocalObjects, name, spy)
    return keys


@pytest.mark.parametrize("text", ELSEWHERE, ids=lambda text: ascii(text)[1:30])
def test_no_path_leads_elsewhere(
    app: FastAPI, stella: TestClient, store: Store, asked: list[str], console: ConsoleSettings, text: str
) -> None:
    """However it is spelled, in every part of every address: nothing is found, and nothing beside the reports read."""
    batch_id = fill(store, "b", ["quarantined", "accepted"])
    fill(store, "other", ["quarantined"])
    elsewhere = text.format(batch=batch_id)
    once = quote(elsewhere, safe="")
    spelled = {
        once,
        once.replace(".", "%2e"),
        quote(once, safe=""),
        quote(elsewhere, safe="/."),
        once.replace("..", "%c0%ae%c0%ae"),
    }
    for path, methods in app.openapi()["paths"].items():
        for name in re.findall(r"{(\w+)}", path):
            for part in spelled if len(elsewhere) < 5000 else {once}:
                address = path.replace(f"{{{name}}}", part).replace("{batch_id}", batch_id)
                asked.clear()
                for method in methods:
                    answer = stella.request(method, address.replace("{image_id}", image_id("b", 0)))
                    assert answer.status_code in {400, 403, 404, 405, 415, 422, 431}, (method, address)
                    assert b"PAR1" not in answer.content
                if name == "path":
                    assert all(key.startswith("reports/") for key in asked)
                assert not any(key.startswith(("shards/", "incoming/")) for key in asked)


def test_a_picture_is_of_its_own_batch(stella: TestClient, store: Store, asked: list[str]) -> None:
    """An image is found under its own batch alone, and of the shards its own is read."""
    first, second = fill(store, "b", ["quarantined"]), fill(store, "c", ["quarantined"])
    assert stella.get(f"/pictures/{second}/{image_id('b', 0)}.jpg").status_code == 404
    assert stella.get(f"/batches/{second}/images/{image_id('b', 0)}").status_code == 404
    asked.clear()
    assert stella.get(f"/pictures/{first}/{image_id('b', 0)}.jpg").status_code == 200
    assert {key.split("/")[1] for key in asked if key.startswith("shards/")} == {first}


@pytest.mark.parametrize("page", ["0", "-1", "9" * 5000, "1e9", "\u0663", " 1", "1\n", "", "nan"])
def test_any_number_of_a_page_is_one(stella: TestClient, store: Store, page: str) -> None:
    """What is no number of a page shows the first or says so, and one beyond the last shows that."""
    batch_id = fill(store, "b", ["quarantined"])
    for address in (f"/batches/{batch_id}", "/batches", "/history", "/models"):
        assert stella.get(address, params={"page": page}).status_code in {200, 422}


def test_no_page_names_a_patient_or_a_file(
    stella: TestClient, store: Store, console: ConsoleSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither pages, nor headers, nor pictures, nor the log, nor the audit file hold a key or a pseudonym."""
    batch_id = fill(store, "b", ["quarantined", "held"], patient_id=["pseudonym-0", "pseudonym-1"])
    image = image_id("b", 0)
    page = stella.get(f"/batches/{batch_id}")
    fields = dict(re.findall(r'type="hidden" name="([a-z]+)" value="([^"]*)"', page.text))
    form = fields | {"about": "ticked", "image": image, "why": "seen", "action": "release"}
    said = [
        stella.post(f"/batches/{batch_id}/decisions", data=form),
        stella.post(f"/batches/{batch_id}/decisions", data={**form, "image": "another"}),
        *(stella.get(f"{address}{query}") for query in ("", "?status=accepted") for address in (
            "/", "/batches", f"/batches/{batch_id}", f"/batches/{batch_id}/images/{image}", "/history",
            f"/pictures/{batch_id}/{image}.jpg", "/batches/none", f"/batches/{batch_id}/images/none",
        )),
    ]  # fmt: skip
    assert len(audited(console)) == 2
    text = "".join(f"{answer.headers}{answer.content!r}" for answer in said) + caplog.text + str(audited(console))
    assert not re.findall("Jane|incoming/|pseudonym", text)


@pytest.mark.parametrize("damage", ["shard", "shard cut short", "no shard", "decision", "catalog", "ledger"])
def test_damage_in_the_store_is_a_page(stella: TestClient, store: Store, damage: str) -> None:
    """A page that cannot be made says which object is wrong; none is an error of the console's own."""
    batch_id = fill(store, "b", ["quarantined"] * 3)
    shard = f"shards/{batch_id}/0000.npy"
    match damage:
        case "shard":
            store.objects.put(shard, b"\x93NUMPY\x01\x00v\x00{'descr': ((((" + b" " * 500)
        case "shard cut short":
            store.objects.put(shard, store.objects.get(shard)[:200])
        case "no shard":
            store.objects.delete(shard)
        case "decision":
            store.objects.put(f"decisions/{batch_id}/20260101T000000000000Z-0123456789abcdef.json", b"{}")
        case "catalog":
            store.objects.put(f"catalog/{batch_id}.parquet", b"PAR1")
        case "ledger":
            store.objects.put("ledger/00000000.json", b"[]")
    home = f"/batches/{batch_id}"
    image = image_id("b", 0)
    answers = [
        stella.get(address)
        for address in ("/", "/batches", home, f"{home}/images/{image}", f"/pictures/{batch_id}/{image}.jpg", "/models")
    ]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} <= {404, 422}
    assert refused
    words = damage.split()[-1 if damage == "no shard" else 0]
    assert [answer.text for answer in refused if words not in answer.text.lower()] == []
