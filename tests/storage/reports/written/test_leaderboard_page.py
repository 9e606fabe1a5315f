"""The leaderboard of a comparison, the index of comparisons, and the way to both."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.objects import Objects
from storage.reports import keys, write_index, write_leaderboard, write_night_page
from tests.storage.reports.written.reading import ReadPage
from tests.xray_model.evaluation.variants import compared
from xray_model.outcomes import CompareOutcome, NightOutcome

SKILLS = {"basic-cnn": 0.55, "mobilenet": 0.83, "vgg16": 0.85}


@pytest.fixture(scope="module")
def outcome() -> CompareOutcome:
    """A comparison of three variants, two of them as good."""
    return compared(SKILLS)


@pytest.fixture
def page(
    objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage], outcome: CompareOutcome
) -> Callable[[], ReadPage]:
    """The written leaderboard."""

    def write() -> ReadPage:
        key = write_leaderboard(objects, outcome).page_key
        assert key is not None
        return page_of(tmp_path / key)

    return write


def test_page_tells_everything(
    page: Callable[[], ReadPage], tmp_path: Path, problems_of: Callable[[Path], list[str]], outcome: CompareOutcome
) -> None:
    """The page says who is first, who may be as good, what each costs, what was searched, and on whom."""
    text = page().text
    first, second, third = outcome.standings
    assert f"First on covid: {first.title}, with F1" in text
    assert f"{second.title} may be as good" in text
    assert text.count("behind") >= 1
    for part in (
        "9 trainings on 400 images",
        "Not for diagnostic use.",
        "Only 400 images, drawn by patient.",
        "The notebooks told normal from pneumonia",
        "dropout 0.312, hidden_units 64",
        "810.0 million",
        "fold 3, seed 20",
    ):
        assert part in text, part
    assert text.index(first.title) < text.index(second.title) < text.index(third.title)
    assert problems_of(tmp_path) == []


def test_fresh_store_has_a_way_back(page: Callable[[], ReadPage], tmp_path: Path) -> None:
    """Where no night has run the index of all reports is written too, and leads to the comparison."""
    page()
    assert (tmp_path / keys.INDEX).is_file()
    assert "Nothing has run yet" in (tmp_path / keys.INDEX).read_text()


def test_index_leads_to_the_newest(
    objects: Objects,
    page: Callable[[], ReadPage],
    tmp_path: Path,
    page_of: Callable[[Path], ReadPage],
    make_night: Callable[..., NightOutcome],
    problems_of: Callable[[Path], list[str]],
    outcome: CompareOutcome,
) -> None:
    """Both indexes name a comparison with its news, and lead to its page."""
    write_night_page(objects, make_night())
    page()
    for key in (write_index(objects), keys.COMPARISONS):
        read = page_of(tmp_path / key)
        assert outcome.title in read.text
        assert f"{outcome.standings[1].title} may be as good" in read.text
        assert any(link.endswith(f"{outcome.comparison_id}/index.html") for link in read.links)
    assert problems_of(tmp_path) == []


def test_empty_index_says_what_to_do(
    objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage], problems_of: Callable[[Path], list[str]]
) -> None:
    """Before the first comparison its index names the command that makes one."""
    write_index(objects)
    assert "xray compare pneumonia" in page_of(tmp_path / keys.COMPARISONS).text
    assert problems_of(tmp_path) == []


def test_a_page_is_written_once(objects: Objects, page: Callable[[], ReadPage], outcome: CompareOutcome) -> None:
    """The same comparison again leaves its page and its time as they were."""
    page()
    kept = objects.get(keys.comparison_page(outcome.comparison_id))
    record = objects.get(keys.comparison_record(keys.comparison_page(outcome.comparison_id)))
    page()
    assert objects.get(keys.comparison_page(outcome.comparison_id)) == kept
    assert objects.get(keys.comparison_record(keys.comparison_page(outcome.comparison_id))) == record


def test_newest_comparison_stands_first(
    objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage], outcome: CompareOutcome
) -> None:
    """Comparisons are listed by time, whatever their names."""
    for name in ("zz", "aa"):
        write_leaderboard(objects, outcome.model_copy(update={"comparison_id": name, "title": f"Study {name}"}))
    text = page_of(tmp_path / keys.COMPARISONS).text
    assert text.index("Study aa") < text.index("Study zz")


def test_records_of_another_version_are_named(
    objects: Objects, page: Callable[[], ReadPage], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """A record that cannot be read, and a comparison that stopped before its record, stop no other."""
    objects.put("reports/comparisons/old/index.html", b"<p>old</p>")
    objects.put("reports/comparisons/old/record.json", b'{"other": 1}')
    objects.put("reports/comparisons/stopped/index.html", b"<p>stopped</p>")
    page()
    read = page_of(tmp_path / keys.COMPARISONS)
    assert "Written by another version" in read.text
    assert any(link.endswith("old/index.html") for link in read.links)
    assert not any(link.endswith("stopped/index.html") for link in read.links)


@pytest.mark.parametrize(
    ("skills", "news"),
    [
        ({"vgg16": 0.8}, "First on covid: Vgg16, with F1"),
        ({"vgg16": 0.9, "basic": 0.2}, "the other is behind"),
        ({"vgg16": 0.9, "basic": 0.2, "small": 0.1}, "all others are behind"),
        ({"vgg16": 0.8, "vgg19": 0.8, "resnet": 0.8}, "all 2 others may be as good"),
        ({"vgg16": 0.8, "vgg19": 0.8, "resnet": 0.8, "basic": 0.2}, "2 of 3 others may be as good"),
    ],
)
def test_news(
    objects: Objects,
    tmp_path: Path,
    page_of: Callable[[Path], ReadPage],
    problems_of: Callable[[Path], list[str]],
    skills: dict[str, float],
    news: str,
) -> None:
    """The heading says how many others may be as good, of none to three, with two seeds and without a search."""
    key = write_leaderboard(objects, compared(skills, seeds=2, searched=False)).page_key
    assert key is not None
    text = page_of(tmp_path / key).text
    assert news in text
    assert "What the search chose" not in text
    assert "mean over the seeds" in text
    assert problems_of(tmp_path) == []
