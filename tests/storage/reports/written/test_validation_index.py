"""The index of the validation pages of all batches."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.objects import Objects
from storage.reports import keys, write_validation_page
from storage.reports.validation_index import LISTED, ValidationRecord, write_validation_index
from tests.storage.reports.written.reading import ReadPage
from xray_model.errors import XrayError
from xray_model.outcomes import BatchOutcome

HEAVIEST = 150_000
"""Bytes of any page of the index."""
FIRST = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def record(objects: Objects, make_batch: Callable[..., BatchOutcome]) -> Callable[..., BatchOutcome]:
    """Leave the record and the page's place of the batch validated `place` hours after the first."""

    def leave(place: int, status: str = "accepted") -> BatchOutcome:
        batch = make_batch(status, name=f"b{place}")
        when = FIRST + timedelta(hours=place)
        record = ValidationRecord.describe(batch, keys.validation_page(batch), when)
        objects.put(keys.validation_record(batch.batch_id, when), record.model_dump_json().encode())
        objects.put(keys.validation_page(batch), b"<!doctype html><title>page</title>")
        return batch

    return leave


@pytest.fixture
def index_of(objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage]) -> Callable[[], ReadPage]:
    """Rebuild the index and read it."""
    return lambda: page_of(tmp_path / write_validation_index(objects))


def listed(page: ReadPage) -> list[str]:
    """Names of the batches whose validation a page lists, in its order."""
    return [link.split("/")[-2].split(".")[1] for link in page.links if link.endswith("validation.html")]


def test_empty_index_says_what_to_do(index_of: Callable[[], ReadPage]) -> None:
    """Before the first batch the index names the command that brings one."""
    text = index_of().text
    assert "No batch has been validated yet" in text
    assert "xray push PATH --source NAME" in text


def test_newest_batch_stands_first(index_of: Callable[[], ReadPage], record: Callable[..., BatchOutcome]) -> None:
    """Batches are listed by the time of their validation, whatever their names, each with what it came to."""
    for place in (2, 10, 1):
        record(place, "held" if place == 2 else "accepted")
    page = index_of()
    assert listed(page) == ["b10", "b2", "b1"]
    assert "On three batches an expectation could not be evaluated; no batches of 3 meet every expectation" in page.text
    assert "bimcv / b2 1 Mar 2026, 04:00 UTC 1 could not be evaluated 2 of 4 failed held 20 3" in page.text


def test_two_records_of_a_batch_count_once(
    objects: Objects, index_of: Callable[[], ReadPage], record: Callable[..., BatchOutcome]
) -> None:
    """A run that died before it wrote the page leaves a record, and the one of the next run changes nothing."""
    batch = record(0)
    objects.put(keys.validation_record(batch.batch_id, FIRST + timedelta(days=1)), b"{}")
    record(1)
    assert listed(index_of()) == ["b1", "b0"]


def test_record_of_another_version_is_counted(
    objects: Objects, index_of: Callable[[], ReadPage], record: Callable[..., BatchOutcome]
) -> None:
    """A record that cannot be read does not stop the index, which says that one is left out."""
    record(0)
    objects.put(keys.validation_record("bimcv.old.0a1b2c", FIRST), b'{"name": 1}')
    page = index_of()
    assert listed(page) == ["b0"]
    assert "Not listed: 1 batch, recorded by another version" in page.text


def test_older_batches_have_pages_of_a_hundred(
    index_of: Callable[[], ReadPage],
    record: Callable[..., BatchOutcome],
    tmp_path: Path,
    page_of: Callable[[Path], ReadPage],
) -> None:
    """Of 250 batches the index lists the newest hundred and two older pages, and every batch is on one of the three."""
    for place in range(250):
        record(place)
    newest = index_of()
    assert listed(newest) == [f"b{place}" for place in range(249, 149, -1)]
    older = [page_of(tmp_path / keys.validations_page(number)) for number in (1, 2)]
    assert listed(older[0]) == [f"b{place}" for place in range(99, -1, -1)]
    assert listed(older[1]) == [f"b{place}" for place in range(199, 99, -1)]
    assert {"page-0001.html", "page-0002.html"} <= set(newest.links)
    assert "page-0001.html" in older[1].links
    assert "Batches 101 to 200" in older[1].text


def test_a_hundred_batches_need_no_older_page(
    objects: Objects, index_of: Callable[[], ReadPage], record: Callable[..., BatchOutcome]
) -> None:
    """Until there are more batches than the index lists, there is no other page."""
    for place in range(LISTED):
        record(place)
    assert len(listed(index_of())) == LISTED
    assert list(objects.list("reports/validation/page-")) == []


def test_thousand_batches_stay_light(
    objects: Objects, make_batch: Callable[..., BatchOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 1,000 batches one more costs about what the first did, two hundred reads at most; all pages are light."""
    read: list[str] = []
    get_many = objects.get_many

    def counting(keys: Iterable[str], workers: int | None = None) -> Iterator[tuple[str, bytes | XrayError]]:
        wanted = list(keys)
        read.extend(wanted)
        return get_many(wanted, workers)

    monkeypatch.setattr(objects, "get_many", counting)

    def add(place: int) -> float:
        batch = make_batch("accepted", name=f"b{place}")
        read.clear()
        started = time.perf_counter()
        write_validation_page(objects, batch, {})
        write_validation_index(objects)
        return time.perf_counter() - started

    add(0)
    first = add(1)
    for place in range(2, 1000):
        write_validation_page(objects, make_batch("accepted", name=f"b{place}"), {})
    write_validation_index(objects)
    assert add(1000) < first + 0.5
    assert len(read) <= 2 * LISTED
    pages = [info for info in objects.list("reports/validation/") if info.key.endswith(".html")]
    assert len(pages) == 11
    assert max(info.size for info in pages) < HEAVIEST
