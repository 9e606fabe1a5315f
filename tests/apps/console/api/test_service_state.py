"""`/v1/model`, `/v1/health` and `/v1/ready`."""

from dataclasses import replace
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.testclient import TestClient

from apps.console.access.settings import ConsoleSettings
from apps.console.app import create_app
from storage.store import Store
from tests.apps.console.api.doubles import MODEL, FakeService
from tests.apps.console.api.test_predicting import problem
from tests.apps.console.browsers import HOST


def test_the_model_in_service_is_told(program: TestClient, service: FakeService) -> None:
    """With how well it did, and since when nobody knows whether it still is the champion."""
    told = program.get("/v1/model").json()
    assert told.pop("notice") == "Research tool. Not for diagnostic use."
    well = dict.fromkeys(("reason", "unsure_since", "unchecked", "unkept"))
    assert told == {"model": MODEL.model_dump(mode="json"), **well}
    since = datetime(2026, 11, 21, tzinfo=UTC)
    service.now = replace(service.now, reason="the registry does not answer", unsure_since=since)
    told = program.get("/v1/model").json()
    assert (told["reason"], told["unsure_since"]) == ("the registry does not answer", "2026-11-21T00:00:00Z")
    service.now = replace(service.now, unchecked="A photograph is answered without a warning.")
    assert program.get("/v1/model").json()["unchecked"] == "A photograph is answered without a warning."
    service.now = replace(service.now, unkept="No space left on device")
    assert program.get("/v1/model").json()["unkept"] == "No space left on device"


def test_without_a_model_it_says_why(program: TestClient, service: FakeService) -> None:
    """A console can be alive and not ready."""
    service.loses_its_model()
    assert problem(program.get("/v1/model")) == (503, "no model was promoted yet")
    assert problem(program.get("/v1/ready")) == (503, "no model answers yet")
    assert program.get("/v1/health").json() == {"alive": True}


def test_a_console_without_a_service_says_so(console: ConsoleSettings, store: Store) -> None:
    """It was started with --no-predict; it is alive all the same."""
    program = TestClient(create_app(replace(console, owner="ada"), store), base_url=f"http://{HOST}")
    for answer in (program.post("/v1/predict"), program.get("/v1/model"), program.get("/v1/ready")):
        status, detail = problem(answer)
        assert (status, "--no-predict" in detail) == (503, True)
    assert program.get("/v1/health").status_code == 200


def test_probes_need_no_token(predicting: FastAPI, service: FakeService) -> None:
    """Whoever restarts the console or sends requests there asks without one, and learns nothing else."""
    prober = TestClient(predicting, base_url=f"http://{HOST}")
    assert (prober.get("/v1/health").json(), prober.get("/v1/ready").json()) == ({"alive": True}, {"ready": True})
    service.now = replace(service.now, ready=False, reason="s3://secret does not answer")
    assert "secret" not in prober.get("/v1/ready").text
