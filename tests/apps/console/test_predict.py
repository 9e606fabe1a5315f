"""The pages that predict: what they say of an answer, and what stands there when there is none."""

import asyncio
import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from httpx import Response
from PIL import Image
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from apps.console.phantoms import PHANTOMS, encode_phantom
from apps.console.predict import MOST_EXPLAINED
from apps.serving.errors import NotReady, Overloaded
from storage import ledger
from storage.ledger import LedgerEntry
from storage.store import Store
from tests.apps.console.answering import LOADING, READY, SIDE, UNSURE, AnsweringService
from tests.apps.console.browsers import open_browser, signed_in
from tests.apps.console.reading import text_of
from tests.storage.entries import gate, write_ledger
from xray_model.errors import XrayError
from xray_model.evaluation.strangeness import UNCHECKED

NOTICE = "Research tool. Not for diagnostic use."
HEALTHY, INVERTED, NO_IMAGE = encode_phantom("normal"), encode_phantom("inverted"), b"no image"


@pytest.fixture
def service() -> AnsweringService:
    """A service that says normal at 86 %."""
    return AnsweringService()


@pytest.fixture
def app(console: ConsoleSettings, store: Store, tokens: dict[str, str], service: AnsweringService) -> FastAPI:
    """A console with this service."""
    return create_app(console, store, service.as_service())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread; None in a thread of its own."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def csrf_of(browser: TestClient) -> str:
    """The secret of the session, from the form to sign out."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/predict").text)
    assert found
    return found[1]


def send(browser: TestClient, *images: bytes) -> Response:
    """Drop these files on the page, and ask."""
    files = [("image", ("Jane-Doe.png", image)) for image in images]
    answer: Response = browser.post("/predict", data={"csrf": csrf_of(browser)}, files=files)
    return answer


def headline(page: Response) -> str:
    """Its heading."""
    found = re.search(r"<h1>(.*?)</h1>", page.text, re.DOTALL)
    assert found, page.text
    return unescape(found[1]).strip()


def pictures_of(page: Response) -> list[Image.Image]:
    """The pictures that the page holds."""
    found = re.findall(r'src="data:image/(?:png|jpeg);base64,([^"]+)"', page.text)
    return [Image.open(BytesIO(b64decode(content))) for content in found]


def test_an_answer_says_what_and_how_sure(victor: TestClient, service: AnsweringService) -> None:
    """A viewer sees the decision, every probability, the model's score with its interval, and the notice."""
    page = send(victor, HEALTHY)
    assert page.status_code == 200
    assert headline(page) == "v6 says normal, at 86 %"
    words = text_of(page)
    for said in ("Decided: normal", "normal 86 % covid 14 %", ".86, 95 % interval .82 to .90, on 412 test patients"):
        assert said in words
    assert "does not find or outline disease" in words
    assert words.count(NOTICE) == 2
    assert "Trust this answer less" not in words
    assert service.recorded == [True]


def test_the_heat_map_lies_over_the_picture(stella: TestClient) -> None:
    """The page holds the picture and the heat as large, in five steps of fading; nothing is fetched for it."""
    page = send(stella, HEALTHY)
    assert [(one.size, one.mode) for one in pictures_of(page)] == [((SIDE, SIDE), "L"), ((SIDE, SIDE), "RGBA")]
    assert re.findall(r'class="fade-(\d+)"( checked)?', page.text) == [
        ("0", ""),
        ("25", ""),
        ("50", " checked"),
        ("75", ""),
        ("100", ""),
    ]
    assert "img-src 'self' data:;" in page.headers["content-security-policy"]
    assert "script" not in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "data:" not in stella.get("/predict").headers["content-security-policy"]


def test_a_picture_in_which_nothing_spoke_has_no_fading(stella: TestClient, service: AnsweringService) -> None:
    """There is nothing to fade, and the page says so."""
    service.explains = False
    page = send(stella, HEALTHY)
    assert len(pictures_of(page)) == 1
    assert 'type="radio"' not in page.text
    assert "no place of this picture spoke for normal" in text_of(page)


def test_warnings_stand_first(stella: TestClient) -> None:
    """The heading names them, and their words stand before picture and answer."""
    page = send(stella, INVERTED)
    assert headline(page) == "v6 says normal, at 86 %, but look at the warning first"
    words = text_of(page)
    assert words.index("It looks inverted.") < words.index("Heat map") < words.index("Decided: normal")


def test_a_decision_against_the_likelier_class_is_explained(stella: TestClient, service: AnsweringService) -> None:
    """Where the weights decide otherwise than the probabilities, the page says why."""
    service.probabilities = (0.6, 0.4)
    page = send(stella, HEALTHY)
    assert headline(page) == "v6 says normal, at 40 %"
    assert "Covid is more probable; the weights that v6 decides by favour normal" in text_of(page)


def test_several_images_become_a_list(stella: TestClient) -> None:
    """Each is answered in its place, with a mark that leads to its own part of the page; the refused one has none."""
    page = send(stella, HEALTHY, NO_IMAGE, INVERTED)
    assert page.status_code == 200
    assert headline(page) == "Three images: 2 normal, 1 not read; 1 with warnings"
    words = text_of(page)
    assert "1. Normal, 86 %" in words
    assert "2. No answer could not be read The file is not a PNG, JPEG or DICOM image." in words
    assert "3. Normal, 86 % 1 warning It looks inverted." in words
    marks = {urlsplit(target).fragment for target in re.findall(r'href="(#image-[^"]*)"', page.text)}
    assert marks == set(re.findall(r'id="(image-[^"]*)"', page.text)) == {"image-1", "image-3"}
    assert len(set(re.findall(r'type="radio" name="([^"]*)"', page.text))) == 2


def test_many_images_have_no_heat_maps(stella: TestClient) -> None:
    """Beyond a few they would hold up everybody else, and the page says how to get one."""
    page = send(stella, *[HEALTHY] * (MOST_EXPLAINED + 1))
    assert headline(page) == "Nine images: 9 normal"
    assert 'type="radio"' not in page.text
    assert f"Up to {MOST_EXPLAINED} images at once get a heat map" in text_of(page)


@pytest.mark.parametrize(("content", "reason"), [(NO_IMAGE, "not a PNG"), (b"", "is empty"), (HEALTHY[:900], "cut")])
def test_a_file_that_is_no_image_gets_its_reason(stella: TestClient, content: bytes, reason: str) -> None:
    """The page says why, never the file's name, and takes another file at once."""
    page = send(stella, content)
    assert page.status_code == 422
    assert headline(page) == "This file cannot be read as an X-ray"
    assert reason in text_of(page)
    assert "Jane" not in page.text
    assert 'type="file"' in page.text


def test_no_file_at_all_is_refused(stella: TestClient, service: AnsweringService) -> None:
    """A form with all but a file asks nothing."""
    fields = {"csrf": (None, csrf_of(stella))}
    page = stella.post("/predict", files=fields)
    assert page.status_code == 422
    assert "No X-ray was chosen" in text_of(page)
    assert service.recorded == []


@pytest.mark.parametrize("name", PHANTOMS)
def test_drawn_x_rays_are_shown_and_answered_but_not_logged(
    stella: TestClient, service: AnsweringService, name: str
) -> None:
    """Each has its picture and its button, and the log by which drift is found does not take it."""
    form = stella.get("/predict")
    assert f'name="phantom" value="{name}"' in form.text
    assert stella.get(f"/predict/phantoms/{name}.jpg").content == encode_phantom(name)
    form_of = {"csrf": csrf_of(stella), "phantom": name}
    page = stella.post("/predict/phantoms", data=form_of)
    assert headline(page).startswith("v6 says normal")
    assert service.recorded == [False]
    assert stella.post("/predict/phantoms", data=form_of | {"phantom": "x"}).status_code == 404


def test_the_form_says_what_it_asks_and_takes(stella: TestClient, service: AnsweringService) -> None:
    """Model, classes, score and limits stand there; so does a registry that does not answer."""
    page = text_of(stella.get("/predict"))
    assert "v6 (MobileNetV2) tells covid and normal apart." in page
    assert "up to 32 at once, of 50 MB each" in page
    assert "goes on answering" not in page
    service.current = UNSURE
    doubt = "The store does not answer. v6 goes on answering; since 21 Nov 2026, 03:00 UTC nobody can say"
    assert doubt in text_of(stella.get("/predict"))
    assert doubt in text_of(send(stella, HEALTHY))


def test_a_model_that_calls_nothing_strange_is_told_of(stella: TestClient, service: AnsweringService) -> None:
    """Where X-rays are dropped, and with the answers: that there is no warning means less then."""
    assert UNCHECKED not in text_of(stella.get("/predict"))
    assert UNCHECKED not in text_of(send(stella, HEALTHY))
    service.current = replace(READY, unchecked=UNCHECKED)
    assert UNCHECKED in text_of(stella.get("/predict"))
    assert UNCHECKED in text_of(send(stella, HEALTHY))


def test_before_there_is_a_model_the_page_says_how_to_get_one(stella: TestClient, service: AnsweringService) -> None:
    """No form, but the commands."""
    service.current = LOADING
    page = stella.get("/predict")
    assert headline(page) == "No model is in service yet"
    assert "xray push PATH --source NAME" in page.text
    assert "xray nightly" in page.text
    assert 'type="file"' not in page.text
    assert "refresh" not in page.headers


def test_while_the_champion_loads_the_page_looks_again(
    stella: TestClient, service: AnsweringService, store: Store
) -> None:
    """It says why, and comes back by itself, which a form with a chosen file must not."""
    write_ledger(store.objects, gate(0, 1))
    service.current = LOADING
    page = stella.get("/predict")
    assert headline(page) == "v1 does not answer yet"
    assert "The model in service is being loaded. This page looks again every few seconds." in text_of(page)
    assert page.headers["refresh"] == "5"
    service.current = READY
    assert "refresh" not in stella.get("/predict").headers


def test_an_overloaded_service_says_when_to_ask_again(stella: TestClient, service: AnsweringService) -> None:
    """Status 503 with the seconds to wait, and nothing that sends the picture again by itself."""
    service.failure = Overloaded("too much waits")
    page = send(stella, HEALTHY)
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert headline(page) == "Too many ask at once"
    assert "Load this page again in a few seconds" in text_of(page)


def test_a_service_that_is_not_ready_answers_nothing(
    stella: TestClient, service: AnsweringService, store: Store
) -> None:
    """The form was loaded before the console was started again: the page says that the model is on its way."""
    write_ledger(store.objects, gate(0, 1))
    service.current = LOADING
    page = send(stella, HEALTHY)
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert headline(page) == "v1 does not answer yet"
    assert "refresh" not in page.headers


@pytest.mark.parametrize("failure", [NotReady("it is being loaded"), Overloaded("too much waits")])
def test_the_store_holds_nobody_else_up(
    stella: TestClient, service: AnsweringService, monkeypatch: pytest.MonkeyPatch, failure: XrayError
) -> None:
    """Where the ledger is read for the page, it is read in a thread, and the loop goes on answering others."""
    loops: list[object] = []

    def read(_: object) -> list[LedgerEntry]:
        loops.append(_running_loop())
        return []

    csrf = csrf_of(stella)
    service.current, service.failure = LOADING, failure
    monkeypatch.setattr(ledger, "load_entries", read)
    answer = stella.post("/predict", data={"csrf": csrf}, files=[("image", ("a.png", HEALTHY))])
    assert (answer.status_code, loops) == (503, [None])


def test_a_console_without_the_service_says_so(console: ConsoleSettings, store: Store, tokens: dict[str, str]) -> None:
    """The page is there, and asks nothing."""
    browser = signed_in(open_browser(create_app(console, store)), "Victor", tokens["Victor"])
    page = browser.get("/predict")
    assert headline(page) == "Predictions are switched off here"
    assert 'type="file"' not in page.text
    answer = browser.post("/predict/phantoms", data={"csrf": csrf_of(browser), "phantom": "normal"})
    assert (answer.status_code, headline(answer)) == (503, "Predictions are switched off here")
