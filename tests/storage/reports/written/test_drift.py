"""The page of a comparison, and the list of all, as they lie in the store."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.decisions import count_statuses, record_decision
from storage.objects import Objects
from storage.reports import Picture, keys, write_batch_page, write_drift_report, write_index, write_night_page
from tests.storage.reports.comparing import COLUMNS, compared
from tests.storage.reports.written.reading import ReadPage
from xray_model.data.decisions import propose
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, DriftState, NightOutcome

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _quiet_night(objects: Objects, make_night: Callable[..., NightOutcome]) -> None:
    """A night without a batch, so that the index has the parts that every page leads to."""
    write_night_page(objects, make_night(-1))


@pytest.fixture
def pictures(make_picture: Callable[..., Picture]) -> list[Picture]:
    """More than are shown, one of them without pixels."""
    return [make_picture(number, gray=None if number == 2 else 90) for number in range(1, 16)]


def test_page_shows_all_of_a_comparison(
    objects: Objects,
    tmp_path: Path,
    pictures: list[Picture],
    page_of: Callable[[Path], ReadPage],
    problems_of: Callable[[Path], list[str]],
) -> None:
    """The page has the news, the charts, both rows of pictures, the classes, every column, and what was left out."""
    told = write_drift_report(objects, compared(), b"<!doctype html><title>E</title>", b"{}", pictures, pictures[3:])
    write_index(objects)
    assert told.page_key is not None
    path = tmp_path / told.page_key
    page = page_of(path)
    for part in (
        "bimcv / b1 was held for a decision: a known source sends other pictures than before: brightness",
        "243 images of 188 patients; 188 in the sample",
        "The brightness has changed: 148, before 112.",
        "New images least like the known ones",
        "Typical known images",
        "covid is more frequent, 52 % (95 % interval 44 % to 60 %) where it was 40 %",
        "How the pictures look, and how they were made · 2 of 3 moved",
        "1.30, limit .20",
        "chance under 1 %",
        "The bits stored are the same everywhere.",
        "xray review release bimcv.b1.0a1b2c --why REASON",
        "Research tool. Not for diagnostic use.",
    ):
        assert part in page.text
    assert path.read_text().count('class="new" d="') == 2  # of the three that moved most one is a category
    assert len(list(path.parent.glob("drifted-*.jpg"))) == 11  # twelve, and one that cannot be decoded
    assert len(list(path.parent.glob("typical-*.jpg"))) == 12
    assert (path.parent / "evidently.html").read_bytes() == b"<!doctype html><title>E</title>"
    assert told.report_key == keys.evidently_page(told.page_key)
    assert (path.parent / "drift.json").is_file()
    assert problems_of(tmp_path) == []


def test_page_is_never_overwritten(objects: Objects, tmp_path: Path) -> None:
    """Written again, the page stays as it is, and a record that a stopped run did not leave is made good."""
    told = write_drift_report(objects, compared(), b"first", b"{}", [], [])
    assert told.page_key is not None
    before = objects.get(told.page_key)
    objects.delete(keys.drift_record(told.page_key))
    again = write_drift_report(objects, compared(DriftState.OK), b"second", b"{}", [], [])
    assert objects.get(told.page_key) == before
    assert objects.get(keys.evidently_page(told.page_key)) == b"first"
    assert again.page_key == told.page_key
    assert objects.exists(keys.drift_record(told.page_key))


@pytest.mark.parametrize("state", list(DriftState))
def test_every_state_has_a_sound_page(
    objects: Objects,
    tmp_path: Path,
    state: DriftState,
    page_of: Callable[[Path], ReadPage],
    problems_of: Callable[[Path], list[str]],
) -> None:
    """Whatever a comparison came to, with nothing measured and nothing to show, its page and the list are whole."""
    told = write_drift_report(objects, compared(state, reasons=(), champion=None), None, None, [], [])
    write_index(objects)
    assert told.report_key is None
    assert "Evidently" not in page_of(tmp_path / str(told.page_key)).text
    assert problems_of(tmp_path) == []


def test_timeline_leads_to_the_nights_before(
    objects: Objects,
    tmp_path: Path,
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    make_drift: Callable[..., DriftOutcome],
    page_of: Callable[[Path], ReadPage],
) -> None:
    """A mark of each night before leads to its drift page, or to the night's own where it has none; ours is last."""
    batch = make_batch()
    write_batch_page(objects, batch, [], [], 0)
    write_night_page(objects, make_night(0, batch, drift=make_drift(5)))
    first = write_drift_report(
        objects, compared(DriftState.WATCH, subject="night", name="n", day=1), None, None, [], []
    )
    write_night_page(objects, make_night(1, batch, drift=first))
    last = write_drift_report(objects, compared(day=2), None, None, [], [])
    page = page_of(tmp_path / str(last.page_key))
    links = [link for link in page.links if "nights/" in link or "-night-" in link or link == "index.html"]
    assert links[0] == "../../nights/20260301T020000Z-3f9a/index.html#drift"
    assert links[1] == keys.relative_link(str(last.page_key), str(first.page_key))
    assert links[-1] == "index.html"
    assert "W watch" in page.text
    assert "H hold" in page.text
    assert "ROC .90" in page.text


def test_what_is_served_has_a_timeline_of_its_own(
    objects: Objects,
    tmp_path: Path,
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    page_of: Callable[[Path], ReadPage],
) -> None:
    """What the model was asked in service is put beside what it was asked before, not beside the nights."""
    write_night_page(objects, make_night(0, make_batch()))
    before, now = (
        write_drift_report(objects, compared(subject="served", name=f"week {day}", day=day), None, None, [], [])
        for day in (1, 8)
    )
    links = page_of(tmp_path / str(now.page_key)).links
    assert keys.relative_link(str(now.page_key), str(before.page_key)) in links
    assert not any("nights/2" in link for link in links)


def test_night_and_batch_lead_to_their_drift_pages(
    objects: Objects,
    tmp_path: Path,
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    page_of: Callable[[Path], ReadPage],
    problems_of: Callable[[Path], list[str]],
) -> None:
    """The night's page, the batch's, the index and the list of all comparisons each lead to the pages of drift."""
    batch = make_batch("held")
    of_batch = write_drift_report(objects, compared(), None, None, [], [])
    of_night = write_drift_report(objects, compared(DriftState.RETRAIN, subject="night", name="n"), None, None, [], [])
    night = make_night(0, batch, drift=of_night).model_copy(update={"batch_drift": (of_batch,)})
    pages = {
        write_batch_page(objects, batch, [], [], 0): {of_batch},
        write_night_page(objects, night): {of_batch, of_night},
        write_index(objects): {of_night},
        keys.DRIFTS: {of_batch, of_night},
    }
    for page, expected in pages.items():
        links = page_of(tmp_path / page).links
        assert {keys.relative_link(page, str(drift.page_key)) for drift in expected} <= set(links)
    assert problems_of(tmp_path) == []


def test_empty_list_says_what_compares(objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage]) -> None:
    """Before the first comparison the list says what makes one."""
    write_index(objects)
    text = page_of(tmp_path / keys.DRIFTS).text
    assert "Nothing has been compared yet" in text
    assert "xray drift" in text


def test_what_a_sender_wrote_is_escaped(
    objects: Objects, tmp_path: Path, make_picture: Callable[..., Picture], problems_of: Callable[[Path], list[str]]
) -> None:
    """A scanner's maker, a class or a caption with HTML in it is shown as it is and never runs."""
    columns = tuple(
        column.model_copy(
            update={
                "current": SCRIPT,
                "sentence": SCRIPT,
                "column": SCRIPT,
                "chart": column.chart and column.chart.model_copy(update={"labels": (SCRIPT, SCRIPT)}),
            }
        )
        for column in COLUMNS
    )
    shown = Picture(make_picture(1).image_id, make_picture(1).pixels, SCRIPT)
    drift = compared(columns=columns, reasons=(SCRIPT,), notes=(SCRIPT,), name=f"{SCRIPT}.b.1")
    told = write_drift_report(objects, drift, None, None, [shown], [shown])
    write_index(objects)
    assert problems_of(tmp_path) == []
    for page in (told.page_key, keys.DRIFTS):
        text = objects.get(str(page)).decode()
        assert SCRIPT not in text
        assert "&lt;script&gt;" in text


def test_what_a_steward_decided_waits_on_no_list(
    objects: Objects, tmp_path: Path, make_night: Callable[..., NightOutcome], page_of: Callable[[Path], ReadPage]
) -> None:
    """Index and list say so once they are rebuilt, also by the next comparison; the page says what was, as it was."""
    name = "bimcv.b1.111111111111"
    came = BatchOutcome(batch_id=name, source="bimcv", name="b1", status=BatchStatus.HELD, read=2, held=2)
    rows = {"image_id": ["a", "b"], "batch_id": name, "status": "held", "patient_id": "p", "split": "test", "shard": 0}
    commit_batch(objects, pd.DataFrame(rows), came)
    of_batch = write_drift_report(objects, compared(name=name), None, None, [], [])
    of_night = write_drift_report(objects, compared(subject="night", name="n", day=1), None, None, [], [])
    write_batch_page(objects, came, [], [], 0)
    write_night_page(objects, make_night(1, came, drift=of_night))
    pages = [tmp_path / write_index(objects, count_statuses(objects)), tmp_path / keys.DRIFTS]
    assert all("H hold" in page_of(page).text for page in pages)
    record_decision(objects, propose(batch_id=name, action="release", who="ada", why="a new lamp"))
    write_drift_report(objects, compared(DriftState.OK, day=2), None, None, [], [])
    assert "H hold" not in page_of(tmp_path / keys.DRIFTS).text
    write_index(objects, count_statuses(objects))
    assert not any("H hold" in page_of(page).text for page in pages)
    assert all("H apart, does not wait" in page_of(page).text for page in pages)
    assert "bimcv / b1 was held for a decision" in page_of(tmp_path / str(of_batch.page_key)).text


def test_nights_are_read_once_for_a_page(
    objects: Objects, make_night: Callable[..., NightOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeline of the page and the list of all comparisons are made of one reading."""
    write_night_page(objects, make_night(0))
    read: list[bytes | str] = []
    parsed = NightOutcome.from_json

    def parse(text: bytes | str) -> NightOutcome:
        read.append(text)
        return parsed(text)

    monkeypatch.setattr(NightOutcome, "from_json", parse)
    write_drift_report(objects, compared(day=2), None, None, [], [])
    assert len(read) == len(set(read)) == 2
