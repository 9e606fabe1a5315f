"""Reports as the console gives them out."""

import re

import pytest
from starlette.testclient import TestClient

from storage.reports import keys, write_drift_report, write_model_page
from storage.store import Store
from tests.storage.reports.carding import judged_card, judged_retrain
from tests.storage.reports.comparing import compared

KINDS = {"html": "text/html; charset=utf-8", "svg": "image/svg+xml", "jpg": "image/jpeg"}


def test_a_model_page_comes_with_its_pictures(stella: TestClient, store: Store) -> None:
    """Everything that a model's page shows is there, of the kind it is, and may run no script."""
    retrain = judged_retrain()
    page = write_model_page(store.objects, retrain, judged_card(retrain))
    shown = stella.get(f"/{page}")
    names = set(re.findall(r'<img src="([^"]+)"', shown.text))
    assert len(names) == 11
    for name in ("index.html", *names):
        answer = stella.get(f"/reports/models/v7/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == KINDS[name.rpartition(".")[2]]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "script-src" not in answer.headers["content-security-policy"]


def test_evidently_runs_as_a_page_of_no_origin(stella: TestClient, store: Store) -> None:
    """Evidently's report may draw itself by script, in a sandbox from which it reaches nothing; our pages may not."""
    told = write_drift_report(store.objects, compared(), b"<script>draw()</script>", b"{}", [], [])
    old = "reports/nights/20260301T020000Z-3f9a/drift.html"
    store.objects.put(old, b"<script>draw()</script>")
    for key in (told.report_key, old):
        policy = stella.get(f"/{key}").headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts; default-src 'none'")
        assert "connect-src" not in policy
    for key in (told.page_key, keys.DRIFTS):
        answer = stella.get(f"/{key}")
        assert answer.status_code == 200
        assert "script" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["page.js", "page.css", "page", "page.svgz"])
def test_other_kinds_are_no_reports(stella: TestClient, store: Store, name: str) -> None:
    """A file of a kind that no report has is not given out, though it lies there."""
    store.objects.put(f"reports/models/v7/{name}", b"x")
    assert stella.get(f"/reports/models/v7/{name}").status_code == 404


def test_reports_are_for_those_who_signed_in(browser: TestClient, store: Store) -> None:
    """A picture is no more public than the page it stands on."""
    store.objects.put("reports/models/v7/roc.svg", b"<svg/>")
    assert browser.get("/reports/models/v7/roc.svg", follow_redirects=False).status_code != 200
