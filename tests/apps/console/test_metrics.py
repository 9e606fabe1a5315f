"""`/metrics`: who may scrape it, and how often the store is read for it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console import metrics
from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from apps.console.metrics import Scrapes
from apps.serving.service import PredictionService
from storage.desk import Desk
from storage.registry import Registry
from storage.settings import Settings
from storage.store import Store
from tests.apps.console.browsers import audited, behind_proxy, open_browser
from tests.storage.measured import fill_store, read_figures
from xray_model.errors import StoreUnavailable


def bearer(token: str) -> dict[str, str]:
    """The header by which a scraper says who it is."""
    return {"authorization": f"Bearer {token}"}


def test_a_viewers_token_scrapes(
    browser: TestClient, tokens: dict[str, str], store: Store, console: ConsoleSettings
) -> None:
    """The token opens the figures without a session, and each scrape leaves no line in the audit file."""
    fill_store(store)
    answer = browser.get("/metrics", headers=bearer(tokens["Victor"]))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert read_figures(answer.content)["xray_images accepted"] == 4
    assert not browser.cookies
    assert audited(console) == []


def test_who_is_signed_in_may_look(victor: TestClient) -> None:
    """A viewer's session opens the figures too."""
    assert victor.get("/metrics").status_code == 200


def test_strangers_see_no_figure(browser: TestClient, console: ConsoleSettings) -> None:
    """Without a token, and with a wrong one, nothing is told; a wrong one is written down without its text."""
    assert browser.get("/metrics").status_code == 401
    assert browser.get("/metrics", headers={"authorization": "Basic abc"}).status_code == 401
    assert audited(console) == []
    for token in ("", "wrong", "xray_" + "A" * 43):
        answer = browser.get("/metrics", headers=bearer(token))
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "xray_" not in answer.text
    assert [line["event"] for line in audited(console)] == ["failed sign-in"] * 3
    assert "AAAA" not in (console.folder / "audit.jsonl").read_text()


def test_guessing_is_held_up(browser: TestClient, tokens: dict[str, str]) -> None:
    """After ten wrong tokens an address waits, also with a right one."""
    answers = [browser.get("/metrics", headers=bearer("wrong")).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert browser.get("/metrics", headers=bearer(tokens["Victor"])).status_code == 429


def test_a_scrapers_token_opens_nothing_else(browser: TestClient, tokens: dict[str, str]) -> None:
    """No page and no form takes a token in a header, also a steward's."""
    for path in ("/", "/batches", "/probe"):
        assert browser.get(path, headers=bearer(tokens["Stella"])).status_code == 303
    sent = browser.post("/probe", headers=bearer(tokens["Stella"]), data={"image": "a"})
    assert sent.status_code == 303


def test_on_a_machine_of_ones_own_nobody_signs_in(console: ConsoleSettings, store: Store) -> None:
    """On loopback without people the figures are open as every page is."""
    app = create_app(replace(console, owner="ada"), store)
    assert open_browser(app).get("/metrics").status_code == 200


def test_behind_a_proxy_its_word_counts(console: ConsoleSettings, store: Store, tokens: dict[str, str]) -> None:
    """Whom the proxy names may look; a token in a header is no name."""
    settings = behind_proxy(console)
    browser = open_browser(create_app(settings, store), "https://desk.example", "10.0.0.7")
    asked = {"host": "desk.example"}
    assert browser.get("/metrics", headers=asked | {settings.proxy_header: "Victor"}).status_code == 200
    assert browser.get("/metrics", headers=asked | bearer(tokens["Victor"])).status_code == 403


def test_scrapes_share_one_reading(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a quarter of a minute the store is read once; a reading that failed is not kept."""
    readings: Iterator[bytes | None] = iter([None, b"first", b"second"])

    def read(_: Desk) -> bytes:
        found = next(readings)
        if found is None:
            raise OSError("no answer")
        return found

    monkeypatch.setattr(metrics, "render_metrics", read)
    scrapes = Scrapes(Desk(store.objects))
    with pytest.raises(OSError, match="no answer"):
        scrapes.render()
    assert [scrapes.render(), scrapes.render()] == [b"first", b"first"]
    assert Scrapes(Desk(store.objects), kept_seconds=-1).render() == b"second"


def test_a_store_that_cannot_be_told_of_is_no_success(
    app: FastAPI, browser: TestClient, tokens: dict[str, str], store: Store
) -> None:
    """A damaged ledger makes the scrape fail, which Prometheus sees as a target that is down."""
    store.objects.create("ledger/00000000.json", b"{}")
    assert browser.get("/metrics", headers=bearer(tokens["Victor"])).status_code == 422


def test_the_service_that_predicts_adds_its_own(
    console: ConsoleSettings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside those of the store, fresh at each scrape; alone they are there while the store is not."""
    service = PredictionService(store.objects, Registry(Settings()), store.side, console.folder)
    browser = open_browser(create_app(replace(console, owner="ada"), store, service))
    figures = read_figures(browser.get("/metrics").content)
    assert (figures["xray_champion_in_service"], figures["xray_predict_ready"]) == (0, 0)

    def gone(_: Desk) -> bytes:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(metrics, "render_metrics", gone)
    browser = open_browser(create_app(replace(console, owner="ada"), store, service))
    assert browser.get("/metrics").status_code == 503
    assert read_figures(browser.get("/metrics/predictions").content)["xray_predict_ready"] == 0
    service.close()


def test_a_console_that_does_not_predict_says_so(app: FastAPI, victor: TestClient) -> None:
    """There are no figures of what was left out, and who asks for them is told why."""
    assert app.state.service is None
    answer = victor.get("/metrics/predictions")
    assert (answer.status_code, "--no-predict" in answer.text) == (503, True)
