"""What a route raises becomes a page, and tells nobody more than it should."""

import pytest
from fastapi import FastAPI, HTTPException
from starlette.testclient import TestClient

from xray_model.errors import ConfigurationError, DecisionOvertaken, InvalidInput, ObjectNotFound, StoreUnavailable


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (InvalidInput("no such finding <script>"), 422),
        (ObjectNotFound("no such batch <script>"), 404),
        (DecisionOvertaken("somebody was quicker <script>"), 409),
        (StoreUnavailable("the store is away <script>"), 503),
        (HTTPException(410, "gone <script>"), 410),
    ],
)
def test_a_refusal_is_a_page_with_its_words(app: FastAPI, stella: TestClient, failure: Exception, status: int) -> None:
    """The message stands there, escaped, and the person is still signed in."""
    app.state.failure = failure
    answer = stella.get("/failing")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert " &lt;script&gt;" in answer.text
    assert "<script>" not in answer.text
    assert "Stella, steward" in answer.text


@pytest.mark.parametrize("failure", [ZeroDivisionError("secret words"), ConfigurationError("secret words")])
def test_what_nobody_foresaw_tells_nothing(app: FastAPI, stella: TestClient, failure: Exception) -> None:
    """500, as a page with the protecting headers, without a trace or the error's words."""
    app.state.failure = failure
    answer = stella.get("/failing")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "secret words" not in answer.text
    assert "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_pages_and_requests_that_do_not_exist(stella: TestClient) -> None:
    """404, 405 with what is allowed, and 422 for an address that makes no sense, all as pages."""
    assert "There is nothing here" in stella.get("/nothing").text
    assert stella.get("/probe/").status_code == 404
    answer = stella.post("/failing")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    wrong = stella.get("/failing", params={"page": "<script>"})
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script>" not in wrong.text
