"""The index of all reports."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.ledger import Act
from storage.objects import Objects
from storage.reports import write_batch_page, write_index, write_model_page, write_night_page
from storage.reports.index import batches_waiting
from storage.reports.records import NightRecord, read_nights
from tests.storage.entries import gate, steward, write_ledger
from tests.storage.reports.written.reading import ReadPage
from xray_model.outcomes import BatchOutcome, ChampionSummary, DriftOutcome, NightOutcome, RetrainOutcome

INDEX = "reports/index.html"


@pytest.fixture
def index_of(objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage]) -> Callable[[], ReadPage]:
    """Rebuild the index and read it."""
    return lambda: page_of(tmp_path / write_index(objects))


def test_empty_store_says_what_to_do_first(
    index_of: Callable[[], ReadPage], tmp_path: Path, problems_of: Callable[[Path], list[str]]
) -> None:
    """Before the first night the index names the two commands that bring one."""
    text = index_of().text
    assert "Nothing has run yet" in text
    assert "xray push PATH --source NAME" in text
    assert "xray nightly" in text
    assert problems_of(tmp_path) == []


def test_one_quiet_night(
    objects: Objects,
    index_of: Callable[[], ReadPage],
    make_night: Callable[..., NightOutcome],
    tmp_path: Path,
    problems_of: Callable[[Path], list[str]],
) -> None:
    """After a night without a batch or a model every part of the index says so."""
    write_night_page(objects, make_night())
    text = index_of().text
    for part in ("Nothing new arrived", "Nothing waits for you.", "No model is in service yet", "nothing to compare"):
        assert part in text
    assert problems_of(tmp_path) == []


def test_many_nights(
    objects: Objects,
    index_of: Callable[[], ReadPage],
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    make_retrain: Callable[..., RetrainOutcome],
    make_champion: Callable[..., ChampionSummary],
    make_drift: Callable[..., DriftOutcome],
    tmp_path: Path,
    problems_of: Callable[[Path], list[str]],
) -> None:
    """Of 300 nights the newest 200 are listed by month and the others counted, within seconds."""
    champion, version = None, 0
    for day in range(300):
        batches, retrain = [], None
        if day % 10 == 0:
            version += 1
            retrain = make_retrain(version, version - 1 or None, f1=0.6 + day / 1000)
            champion = make_champion(version, 0.6 + day / 1000)
            write_model_page(objects, retrain)
        if day % 3 == 0:
            batches = [make_batch("held" if day % 24 == 0 else "accepted", name=f"b{day}")]
            write_batch_page(objects, batches[0], [], [], 3)
        night = make_night(day, *batches, retrain=retrain, drift=make_drift(day % 7), champion=champion)
        write_night_page(objects, night)
    started = time.perf_counter()
    page = index_of()
    assert time.perf_counter() - started < 5
    assert "Eight batches wait for you" in page.text
    assert "2 more batches from earlier nights" in page.text
    assert "100 older nights" in page.text
    assert "Drift, last 14 nights with new batches" in page.text
    assert "Champion v30" in page.text
    assert "20 versions" in page.text
    assert sum("nights/" in link and link.endswith("/index.html") for link in page.links) >= 200
    assert problems_of(tmp_path) == []


def test_index_is_rewritten(
    objects: Objects, index_of: Callable[[], ReadPage], make_night: Callable[..., NightOutcome]
) -> None:
    """The index is the one page that changes: a new night stands in it, first."""
    for day in (0, 1):
        write_night_page(objects, make_night(day))
        links = [link for link in index_of().links if link.startswith("nights/")]
        assert links[0] == f"nights/2026030{day + 1}T020000Z-3f9a/index.html"


def test_waiting_batch_stands_first_with_pictures(
    objects: Objects,
    index_of: Callable[[], ReadPage],
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    make_picture: Callable[..., object],
    make_champion: Callable[..., ChampionSummary],
    make_drift: Callable[..., DriftOutcome],
) -> None:
    """What waits for a person stands before the champion and the drift, with three pictures and one link to act."""
    batch = make_batch("held")
    pictures = [make_picture(number, "The image looks inverted.") for number in range(5)]
    write_batch_page(objects, batch, pictures, [], 5)  # type: ignore[arg-type]
    write_night_page(objects, make_night(0, batch, drift=make_drift(1), champion=make_champion(1)))
    page = index_of()
    assert page.text.index("15 % of its images look inverted") < page.text.index("Champion v1")
    assert page.text.index("Champion v1") < page.text.index("Drift, last 1 night")
    assert sum(link.endswith(".jpg") for link in page.links) == 3
    assert any(link.endswith("#todo") for link in page.links)


def test_decided_batch_no_longer_calls_for_a_person(
    objects: Objects,
    tmp_path: Path,
    page_of: Callable[[Path], ReadPage],
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
) -> None:
    """Once every image of a held batch is decided, nothing on the index says that it waits; what arrived stays told."""
    batch = make_batch("held")
    write_batch_page(objects, batch, [], [], 3)
    write_night_page(objects, make_night(0, batch))
    calls = ("wait for you", "waits for you:", "waits for a person", "that waited")
    before = page_of(tmp_path / write_index(objects, {batch.batch_id: {"held": 1, "accepted": 16, "quarantined": 3}}))
    assert sum(call in before.text for call in calls) >= 2
    page = page_of(tmp_path / write_index(objects, {batch.batch_id: {"accepted": 17, "quarantined": 3}}))
    assert not any(call in page.text for call in calls)
    assert "Nothing waits for you." in page.text
    assert "17 of 20 new images accepted" in page.text


def test_later_outcome_of_a_batch_counts(
    make_night: Callable[..., NightOutcome], make_batch: Callable[..., BatchOutcome]
) -> None:
    """A batch waits from the first night that held it until a later night accepts it."""
    held, accepted = make_batch("held"), make_batch("accepted")
    failed = make_batch("failed", name="b2")

    def record(day: int, *batches: BatchOutcome) -> NightRecord:
        return NightRecord(make_night(day, *batches), "page")

    first, second, third = record(0, held, failed), record(1, failed), record(2, accepted)
    assert [batch.name for batch, _ in batches_waiting([first])] == ["b1", "b2"]
    assert [(batch.name, since) for batch, since in batches_waiting([third, second, first])] == [
        ("b2", first.night.started)
    ]


def test_record_of_another_version_is_linked(
    objects: Objects, index_of: Callable[[], ReadPage], make_night: Callable[..., NightOutcome]
) -> None:
    """A night whose record cannot be read keeps its link, and the index is still built."""
    write_night_page(objects, make_night(0))
    objects.put("reports/nights/20260302T020000Z-aaaa/night.json", b'{"night_id": 1}')
    objects.put("reports/nights/20260302T020000Z-aaaa/index.html", b"<!doctype html><title>old</title>")
    page = index_of()
    assert "nights/20260302T020000Z-aaaa/index.html" in page.links
    assert "written by another version" in page.text
    assert "Nothing new arrived" in page.text


def test_night_without_a_record_is_counted(
    objects: Objects, index_of: Callable[[], ReadPage], make_night: Callable[..., NightOutcome]
) -> None:
    """A night that stopped before its record was written is told of, not hidden."""
    write_night_page(objects, make_night(0))
    objects.put("reports/nights/20260302T020000Z-aaaa/index.html", b"<!doctype html><title>half</title>")
    assert read_nights(objects, 200).unfinished == 1
    assert "1 night left no finished report" in index_of().text


@pytest.mark.parametrize(
    ("act", "came_to"), [(None, "waits for approval"), ("approval", "approved"), ("refusal", "not approved")]
)
def test_model_left_to_a_steward_is_told_as_it_stands(
    objects: Objects,
    index_of: Callable[[], ReadPage],
    make_night: Callable[..., NightOutcome],
    make_retrain: Callable[..., RetrainOutcome],
    make_champion: Callable[..., ChampionSummary],
    act: Act | None,
    came_to: str,
) -> None:
    """The night that trained it said that it waits; the index says what a steward made of it since."""
    retrain = make_retrain(2, 1, approval=True)
    write_ledger(objects, gate(0, 1), gate(1, 2, 1, approval=True))
    if act is not None:
        write_ledger(objects, steward(2, act, 2, 1))
    write_night_page(objects, make_night(0, retrain=retrain, champion=make_champion(1)))
    page = index_of()
    assert f"v2 1 Mar 2026, 02:00 UTC {came_to} " in page.text
    assert "v2 passed, for approval" in page.text


def test_champion_without_a_page_is_not_linked(
    objects: Objects,
    index_of: Callable[[], ReadPage],
    make_night: Callable[..., NightOutcome],
    make_champion: Callable[..., ChampionSummary],
) -> None:
    """A champion that no page tells of is named without a link."""
    write_night_page(objects, make_night(0, champion=make_champion(4)))
    page = index_of()
    assert "Champion v4" in page.text
    assert ".86, 95 % interval .82 to .90, on 43 test patients" in page.text
    assert not any("models/" in link for link in page.links)
