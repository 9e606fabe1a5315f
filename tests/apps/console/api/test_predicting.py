"""`/v1/predict`: what it answers, whom, and what it refuses."""

import base64
import hashlib
import io
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from apps.serving.errors import NotReady, Overloaded
from storage.store import Store
from tests.apps.console.api.doubles import MODEL, FakeService
from tests.apps.console.browsers import HOST, audited, behind_proxy, open_browser, signed_in
from tests.hostile.encoding import png
from xray_model.errors import InvalidInput

PICTURE = png(np.random.default_rng(0).integers(0, 255, (200, 150), np.uint8))
NOISE = b"no image"
PNG = {"content-type": "image/png"}


def files(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """A form of files, as curl sends it."""
    return [("image", ("Ada Lovelace.png", content)) for content in contents]


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and reason of an answer that must be a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert set(told) == {"type", "title", "status", "detail"}
    assert told["status"] == answer.status_code
    return answer.status_code, told["detail"]


def test_an_image_is_answered(program: TestClient) -> None:
    """With everything that is said of it, the model that said so, and what it may be used for."""
    told = program.post("/v1/predict", files=files(PICTURE)).json()
    assert told["notice"] == "Research tool. Not for diagnostic use."
    assert told["model"] == MODEL.model_dump(mode="json")
    assert told["predictions"] == [
        {
            "image_id": hashlib.sha256(PICTURE).hexdigest(),
            "label": "covid",
            "probabilities": {"normal": 0.25, "covid": 0.75},
            "warnings": [{"code": "lateral", "text": "It looks like a lateral view."}],
            "version": 3,
            "snapshot_id": "s3",
            "heat_map": None,
        }
    ]


def test_a_raw_body_is_answered_as_a_form_is(program: TestClient, service: FakeService) -> None:
    """One file, either way, and the log has it."""
    raw = program.post("/v1/predict", content=PICTURE, headers=PNG)
    assert raw.json() == program.post("/v1/predict", files=files(PICTURE)).json()
    assert service.asked == [(1, False, True)] * 2


def test_a_heat_map_comes_where_it_is_asked_for(program: TestClient) -> None:
    """As a gray PNG, the darker the less."""
    (told,) = program.post("/v1/predict?explain=true", files=files(PICTURE)).json()["predictions"]
    with Image.open(io.BytesIO(base64.b64decode(told["heat_map"]))) as heat:
        assert (heat.format, heat.mode, heat.size) == ("PNG", "L", (64, 64))
        assert [heat.getpixel((x, 9)) for x in (0, 63)] == [0, 255]


def test_one_unreadable_image_is_refused(program: TestClient) -> None:
    """With its reason."""
    status, detail = problem(program.post("/v1/predict", files=files(NOISE)))
    assert (status, "not a PNG, JPEG or DICOM" in detail) == (422, True)


def test_among_several_each_stands_in_its_place(program: TestClient) -> None:
    """What cannot be read takes no other with it, also where it is all that was sent."""
    told = program.post("/v1/predict", files=files(PICTURE, NOISE, PICTURE)).json()["predictions"]
    assert [("refused" in one, "label" in one) for one in told] == [(False, True), (True, False), (False, True)]
    told = program.post("/v1/predict", files=files(NOISE, b"")).json()
    assert [set(one) for one in told["predictions"]] == [{"image_id", "refused"}] * 2
    assert told["model"]["version"] == 3


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"files": [("picture", ("x", PICTURE))]}, 413, "Only the field"),
        ({"files": [*files(PICTURE), ("note", (None, "x"))]}, 400, "nothing but files"),
        ({"content": b"--b--\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400, "at least"),
        ({"data": {"image": "x"}}, 415, "multipart/form-data"),
        ({"content": b"x", "headers": {"content-length": "100000001", **PNG}}, 413, "100,000,000"),
        ({"files": files(*[NOISE] * 33)}, 413, "32 files"),
        ({"files": files(PICTURE), "params": {"explain": "perhaps"}}, 422, "explain"),
        ({"files": files(PICTURE), "params": {"explian": "true"}}, 422, "explian"),
    ],
)
def test_other_requests_are_refused(
    program: TestClient, service: FakeService, sent: dict[str, Any], status: int, words: str
) -> None:
    """With a reason, and the service is not asked."""
    found, detail = problem(program.post("/v1/predict", **sent))
    assert (found, words in detail) == (status, True), detail
    assert service.asked == []


@pytest.mark.parametrize("failure", [NotReady("none was promoted yet"), Overloaded("256 images wait")])
def test_later_is_said_where_it_helps(program: TestClient, service: FakeService, failure: NotReady) -> None:
    """While no model answers, or too much waits, the same may be sent again in a few seconds."""
    service.failure = failure
    answer = program.post("/v1/predict", files=files(PICTURE))
    assert problem(answer) == (503, str(failure))
    assert int(answer.headers["retry-after"]) > 0


def test_more_than_is_ever_taken_is_no_matter_of_time(program: TestClient, service: FakeService) -> None:
    """What no waiting helps is refused for good."""
    service.failure = InvalidInput("more files than may wait")
    answer = program.post("/v1/predict", files=files(PICTURE))
    assert problem(answer) == (422, "more files than may wait")
    assert "retry-after" not in answer.headers


def test_a_fault_is_told_without_its_trace(program: TestClient, service: FakeService) -> None:
    """What was not foreseen is answered as a problem that says nothing of the inside."""
    service.now = None  # type: ignore[assignment]
    status, detail = problem(program.get("/v1/model"))
    assert (status, "NoneType" in detail) == (500, False)


def test_strangers_are_answered_nothing(predicting: FastAPI, service: FakeService) -> None:
    """Neither predictions nor the model nor the description, without or with a wrong token."""
    stranger = TestClient(predicting, base_url=f"http://{HOST}")
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answers = [stranger.get(f"/v1/{name}", headers=headers) for name in ("model", "openapi.json", "predict")]
        answers.append(stranger.post("/v1/predict", files=files(PICTURE), headers=headers))
        assert [problem(answer)[0] for answer in answers] == [401, 401, 405, 401]
        assert answers[0].headers["www-authenticate"] == "Bearer"
    assert service.asked == []


def test_who_is_signed_in_is_answered(predicting: FastAPI, tokens: dict[str, str]) -> None:
    """In a browser, a viewer's session is enough."""
    browser = signed_in(open_browser(predicting), "Victor", tokens["Victor"])
    assert browser.post("/v1/predict", files=files(PICTURE)).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_page_of_another_site_asks_nothing(
    console: ConsoleSettings, store: Store, service: FakeService, headers: dict[str, str]
) -> None:
    """Where nobody signs in, any page that a browser shows could else fill the log that drift is found by."""
    program = TestClient(create_app(replace(console, owner="ada"), store, service), base_url=f"http://{HOST}")
    assert problem(program.post("/v1/predict", files=files(PICTURE), headers=headers))[0] == 403
    assert (service.asked, [line["event"] for line in audited(console)]) == ([], ["forged request"])
    assert program.post("/v1/predict", files=files(PICTURE)).status_code == 200


def test_behind_a_proxy_its_word_counts(
    console: ConsoleSettings, store: Store, service: FakeService, tokens: dict[str, str]
) -> None:
    """Whom the proxy names may ask, and nobody else."""
    settings = behind_proxy(console)
    browser = open_browser(create_app(settings, store, service), "https://desk.example", "10.0.0.7")
    for name, status in (("Victor", 200), ("Mallory", 403)):
        headers = {"host": "desk.example", settings.proxy_header: name}
        assert browser.post("/v1/predict", files=files(PICTURE), headers=headers).status_code == status


def test_large_bodies_are_let_through_here_alone(program: TestClient) -> None:
    """A form of another page stays small, and what the guard refuses under /v1 is a problem too."""
    large = {"content-length": "50000000"}
    assert program.post("/sign-in", headers=large).status_code == 413
    assert problem(program.post("/v1/model", headers=large))[0] == 413
    assert problem(program.post("/v1/predict/", headers=large))[0] == 413
    padded = PICTURE + bytes(2_000_000)
    assert program.post("/v1/predict", content=padded, headers=PNG).status_code == 200


def test_every_answer_is_protected(program: TestClient) -> None:
    """As the pages are: no scripts, no sniffing, kept by nobody."""
    for answer in (program.post("/v1/predict", files=files(PICTURE)), program.get("/v1/nothing")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
