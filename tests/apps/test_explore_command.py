"""`xray explore`: which snapshot it shows, and what it prints."""

import pytest
from typer.testing import CliRunner

from apps.cli import app
from storage.store import Store
from tests.storage.exploring import describe_images, put_snapshot
from xray_model.errors import InvalidInput


def test_it_says_the_news_and_where_the_page_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name it shows what is accepted now, how far it is, the headline, and the page that it wrote."""
    monkeypatch.setenv("COLUMNS", "200")
    snapshot_id = put_snapshot(store, describe_images(48))
    result = CliRunner().invoke(app, ["explore"])
    assert result.exit_code == 0, result.output
    assert "48 images of 24 patients; each class has 24" in result.output
    assert f"/reports/explore/{snapshot_id}/index.html" in result.output
    assert "measure gray levels: " in result.output
    assert store.objects.exists(f"reports/explore/{snapshot_id}/index.html")
    assert CliRunner().invoke(app, ["explore", snapshot_id[:6]]).exit_code == 0


def test_a_snapshot_that_is_not_there(store: Store) -> None:
    """A name that no snapshot has is answered with those that there are, and nothing is written."""
    snapshot_id = put_snapshot(store, describe_images(8))
    result = CliRunner().invoke(app, ["explore", "zz"])
    assert isinstance(result.exception, InvalidInput)
    assert snapshot_id in str(result.exception)
    assert not list(store.objects.list("reports/explore/"))


def test_a_store_without_accepted_images_stays_as_it_is(store: Store) -> None:
    """It says what to send, and leaves no snapshot of nothing and no page."""
    before = [info.key for info in store.objects.list()]
    result = CliRunner().invoke(app, ["explore"])
    assert isinstance(result.exception, InvalidInput)
    assert "nothing to explore" in str(result.exception)
    assert "xray push" in str(result.exception)
    assert [info.key for info in store.objects.list()] == before
