"""Batch, model and night pages as they lie in the store."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.objects import Objects
from storage.reports import (
    Picture,
    keys,
    write_batch_page,
    write_index,
    write_model_page,
    write_night_page,
    write_validation_page,
)
from tests.storage.reports.written.reading import DARK, INVERTED, ReadPage
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, ChampionSummary, DriftOutcome, NightOutcome, Refusal, RetrainOutcome

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def written(
    objects: Objects,
    make_batch: Callable[..., BatchOutcome],
    make_picture: Callable[..., Picture],
    make_retrain: Callable[..., RetrainOutcome],
    make_night: Callable[..., NightOutcome],
    make_champion: Callable[..., ChampionSummary],
    make_drift: Callable[..., DriftOutcome],
) -> dict[str, str]:
    """Keys of the pages of a night in which everything happens."""
    report = "drift/20260301/report.html"
    objects.put(report, b"<!doctype html><title>Evidently</title>")
    batches = [make_batch(status, name=f"b-{status}") for status in ("held", "accepted", "refused", "failed")]
    pictures = [make_picture(1, INVERTED), make_picture(2, INVERTED, DARK), make_picture(3, DARK, gray=None)]
    keys = {}
    for batch in batches:
        refused = pictures if batch.read else []
        typical = [make_picture(8), make_picture(9), make_picture(10)] if batch.read else []
        keys[batch.status.value] = write_batch_page(objects, batch, refused, typical, batch.quarantined)
    retrain = make_retrain(7, 6)
    keys["model"] = write_model_page(objects, retrain)
    night = make_night(0, *batches, retrain=retrain, drift=make_drift(5, report_key=report), champion=make_champion(7))
    keys["night"] = write_night_page(objects, night)
    keys["index"] = write_index(objects)
    return keys


def test_pages_are_sound(written: dict[str, str], tmp_path: Path, problems_of: Callable[[Path], list[str]]) -> None:
    """Every element is closed, every link and anchor is there, and nothing comes from outside."""
    assert len(written) == 7
    assert problems_of(tmp_path) == []


def test_keys(written: dict[str, str]) -> None:
    """A committed batch has one page for ever; one that may be tried again has a folder for what came of it."""
    assert written["held"] == "reports/batches/bimcv.b-held.0a1b2c/index.html"
    assert re.fullmatch(r"reports/batches/bimcv\.b-failed\.0a1b2c/failed-[0-9a-f]{8}/index\.html", written["failed"])
    assert written["model"] == "reports/models/v7/index.html"
    assert written["night"] == "reports/nights/20260301T020000Z-3f9a/index.html"
    assert written["index"] == "reports/index.html"


def test_every_page_says_what_it_is_not_for(
    written: dict[str, str], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """No page goes out without its warning."""
    for key in written.values():
        assert "Research tool. Not for diagnostic use." in page_of(tmp_path / key).text


def test_pages_allow_no_script(written: dict[str, str], tmp_path: Path) -> None:
    """A page forbids every script and every asset from elsewhere, and names no address but the store's."""
    for key in written.values():
        text = (tmp_path / key).read_text()
        assert "default-src 'none'" in text
        assert not re.search(r"https?://", text)


def test_only_real_commands_are_named(
    written: dict[str, str], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """A page names no command that the pipeline does not have."""
    for key in written.values():
        assert set(re.findall(r"xray ([a-z]+) ", page_of(tmp_path / key).text)) <= {"push", "nightly", "demo", "review"}


def test_held_batch_page_tells_what_to_do(
    written: dict[str, str], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """A held batch's page gives the reason, what happens otherwise, the command, and each expectation's result."""
    text = page_of(tmp_path / written["held"]).text
    for part in (
        "b-held is held: 15 % of its images look inverted",
        "It stays out of training. Nothing is lost",
        "xray push PATH --source bimcv --batch b-held-corrected",
        "failed: 2 images",
        "could not be evaluated",
        "holds the batch",
        "3 of 3 refused images shown",
        "No picture: the file could not be decoded",
        "For comparison: typical sound images",
    ):
        assert part in text


def test_model_page_has_every_figure(
    written: dict[str, str], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """A model's page holds the decision, both models' scores, the confusions, the data and where it came from."""
    text = page_of(tmp_path / written["model"]).text
    for part in (
        "v7 took over from v6: F1 of normal .86, against .81",
        "Champion v6",
        "60 images of 43 patients of the test split",
        "36 90 %",
        "After rebalancing: class_weight",
        "Note: a note on the counts.",
        "put back to the class frequencies of the training images as they came",
        "each times 1 (covid), 1.4 (normal), chosen on the validation split",
        "none: trained from random numbers",
        "5f2c9a71",
        "ab" * 32,
        "3 of another class",
        "weights of epoch 5 were kept",
    ):
        assert part in text


def test_first_model_has_nothing_to_compare_with(
    objects: Objects,
    tmp_path: Path,
    make_retrain: Callable[..., RetrainOutcome],
    page_of: Callable[[Path], ReadPage],
    problems_of: Callable[[Path], list[str]],
) -> None:
    """Without a champion the page says so and shows the challenger alone."""
    write_index(objects)
    text = page_of(tmp_path / write_model_page(objects, make_retrain())).text
    assert "There was no champion to compare with" in text
    assert "Champion v" not in text
    assert [problem for problem in problems_of(tmp_path) if "index.html#" not in problem] == []


def test_model_page_needs_a_model(objects: Objects) -> None:
    """A night without a training has no model page, and asking for one says why."""
    with pytest.raises(InvalidInput, match="registered a version"):
        write_model_page(objects, RetrainOutcome(trained=False, reasons=("Nothing new.",)))


def test_pages_are_never_overwritten(
    objects: Objects,
    written: dict[str, str],
    make_batch: Callable[..., BatchOutcome],
    make_retrain: Callable[..., RetrainOutcome],
    make_night: Callable[..., NightOutcome],
) -> None:
    """Writing a page again, with other content, leaves the first as it was."""
    before = {key: objects.get(key) for name, key in written.items() if name != "index"}
    record = objects.get("reports/nights/20260301T020000Z-3f9a/night.json")
    assert write_batch_page(objects, make_batch("held", name="b-held", read=1), [], [], 0) == written["held"]
    assert write_model_page(objects, make_retrain(7, promote=False)) == written["model"]
    assert write_night_page(objects, make_night(0)) == written["night"]
    assert {key: objects.get(key) for key in before} == before
    assert objects.get("reports/nights/20260301T020000Z-3f9a/night.json") == record


def test_failed_batch_may_succeed_later(
    objects: Objects, make_batch: Callable[..., BatchOutcome], written: dict[str, str]
) -> None:
    """The page of a failed attempt does not stand in the way of the page of its success."""
    key = write_batch_page(objects, make_batch("accepted", name="b-failed"), [], [], 0)
    assert key != written["failed"]
    assert b"is accepted" in objects.get(key)
    assert b"failed" in objects.get(written["failed"])


def test_interrupted_night_is_finished_by_writing_it_again(
    objects: Objects, make_night: Callable[..., NightOutcome]
) -> None:
    """A night whose page was written but not its record gets the record when it is written again."""
    night = make_night(0)
    write_night_page(objects, night)
    record = f"reports/nights/{night.night_id}/night.json"
    objects.delete(record)
    write_night_page(objects, night)
    assert NightOutcome.from_json(objects.get(record)) == night


def test_night_record_reads_back(
    objects: Objects,
    make_night: Callable[..., NightOutcome],
    make_batch: Callable[..., BatchOutcome],
    make_retrain: Callable[..., RetrainOutcome],
    make_champion: Callable[..., ChampionSummary],
    make_drift: Callable[..., DriftOutcome],
) -> None:
    """The JSON beside a night's page is the whole night."""
    night = make_night(
        0, make_batch("held"), retrain=make_retrain(7, 6), drift=make_drift(3), champion=make_champion(7)
    )
    write_night_page(objects, night)
    assert NightOutcome.from_json(objects.get(f"reports/nights/{night.night_id}/night.json")) == night


def test_what_a_sender_wrote_is_escaped(
    objects: Objects,
    tmp_path: Path,
    make_batch: Callable[..., BatchOutcome],
    make_picture: Callable[..., Picture],
    make_night: Callable[..., NightOutcome],
    problems_of: Callable[[Path], list[str]],
) -> None:
    """Names, reasons, labels and captions with HTML in them are shown as they are and never run."""
    reason = f'{SCRIPT}" onmouseover="alert(2)'
    batch = make_batch(
        "held",
        name=SCRIPT,
        source=SCRIPT,
        batch_id="evil.b.1",
        reasons=(reason,),
        refusals=(Refusal(reason=reason, images=1),),
        labels={SCRIPT: 3},
        passed_over={SCRIPT: 1},
        layout=SCRIPT,
    )
    picture = make_picture(1, reason)
    shown = Picture(picture.image_id, picture.pixels, SCRIPT, (reason,))
    validation = write_validation_page(objects, batch, {batch.expectations[1].code: [SCRIPT]})
    write_batch_page(objects, batch, [shown], [shown], 1, validation)
    write_night_page(objects, make_night(0, batch))
    write_index(objects)
    assert problems_of(tmp_path) == []
    for path in tmp_path.rglob("*.html"):
        assert SCRIPT not in path.read_text()
        indexes = {tmp_path / key for key in (keys.DRIFTS, keys.EXPLORES, keys.COMPARISONS)}
        assert path in indexes or "&lt;script&gt;" in path.read_text()
