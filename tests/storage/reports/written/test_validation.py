"""The page of what a batch was asked, and the JSON beside it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.objects import Objects
from storage.reports import keys, write_batch_page, write_index, write_night_page, write_validation_page
from storage.reports.validation import MOST_IDS
from tests.storage.reports.written.reading import ReadPage
from xray_model.outcomes import BatchOutcome, ExpectationResult, NightOutcome, Refusal

HEAVIEST = 400_000
"""Bytes of the page of a batch in which everything fails."""
DARK = "is too dark to read"


def expectation(code: str, severity: str = "row", suite: str = "pixels", **changes: object) -> ExpectationResult:
    """An expectation that 300 images were asked and all meet."""
    values: dict[str, object] = {
        "code": code,
        "sentence": f"Sentence of {code}.",
        "refusal": f"is {code}",
        "severity": severity,
        "passed": True,
        "evaluated": True,
        "failures": 0,
        "suite": suite,
        "kind": "expect_column_values_to_be_between",
        "bounds": "mean at least 25",
        "asked": 300,
    }
    return ExpectationResult.model_validate(values | changes)


RESULTS = (
    expectation("whole", suite="records"),
    expectation("odd-sex", "note", "records", passed=False, failures=2, asked=200),
    expectation("too-dark", refusal=DARK, passed=False, failures=250),
    expectation("odd-shape", passed=False, evaluated=False, asked=None),
    expectation("mostly-refused", "batch", "batch", passed=False, failures=1, asked=1, observed="83.3%"),
)


def image_ids(count: int) -> list[str]:
    """Ids of so many images."""
    return [f"{number:064x}" for number in range(count)]


@pytest.fixture
def checked(make_batch: Callable[..., BatchOutcome]) -> BatchOutcome:
    """A held batch with one result of every kind."""
    return make_batch("held", read=300, refusals=(Refusal(reason=DARK, images=250),), expectations=RESULTS)


@pytest.fixture
def page(
    objects: Objects, checked: BatchOutcome, tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> Callable[..., ReadPage]:
    """Write the page of `checked` with so many ids of each expectation, and read it."""

    def write(too_dark: int = 250) -> ReadPage:
        failing = {"too-dark": image_ids(too_dark), "odd-sex": image_ids(2)}
        return page_of(tmp_path / write_validation_page(objects, checked, failing))

    return write


def test_page_tells_every_result(page: Callable[..., ReadPage]) -> None:
    """What could not be evaluated comes first and is said plainly, then what failed, then every suite."""
    text = page().text
    for part in (
        "One expectation could not be evaluated on b1, so it is held",
        "Nothing is known of what it looks for, in any image, so the batch is held.",
        "suite pixels , 2 expectations, 2 not met",
        "mean at least 25 expect_column_values_to_be_between",
        "250 of 300 images asked, refuses the image",
        "2 of 200 images asked, only reported",
        "Sentence of mostly-refused. holds the batch 83.3%",
    ):
        assert part in text
    assert text.index("Could not be evaluated") < text.index("Failed") < text.index("suite records")
    assert text.index("Sentence of odd-shape") < text.index("Sentence of mostly-refused") < text.index("of too-dark")


def test_page_is_sound_and_linked(
    objects: Objects,
    checked: BatchOutcome,
    make_night: Callable[..., NightOutcome],
    tmp_path: Path,
    problems_of: Callable[[Path], list[str]],
) -> None:
    """The batch's page, the validation page and the indexes lead to each other, and nothing comes from outside."""
    key = write_validation_page(objects, checked, {})
    write_batch_page(objects, checked, [], [], 250, key)
    write_night_page(objects, make_night(0, checked))
    write_index(objects)
    assert key == keys.validation_page(checked) == "reports/batches/bimcv.b1.0a1b2c/validation.html"
    assert problems_of(tmp_path) == []
    for linking in (keys.batch_page(checked), keys.VALIDATIONS):
        assert f"{keys.relative_link(linking, key)}" in objects.get(linking).decode()
    assert "validation/index.html" in objects.get(keys.INDEX).decode()
    text = (tmp_path / key).read_text()
    assert "default-src 'none'" in text
    assert "://" not in text


def test_images_that_failed_are_named(page: Callable[..., ReadPage]) -> None:
    """A note names its images as a rule does, and a rule leads to the pictures of what it refused."""
    read = page()
    assert all(name in read.text for name in image_ids(2))
    assert "index.html#reason-1" in read.links


def test_page_shows_some_ids_and_the_data_all(objects: Objects, page: Callable[..., ReadPage]) -> None:
    """Of many failing images the page shows the first hundred, says how many more there are, and the JSON has all."""
    text = page().text
    assert image_ids(MOST_IDS)[-1] in text
    assert image_ids(MOST_IDS + 1)[-1] not in text
    assert "150 more ids of this expectation: all 250 stand in validation.json" in text
    data = json.loads(objects.get("reports/batches/bimcv.b1.0a1b2c/validation.json"))
    told = {result["code"]: result for result in data["expectations"]}
    assert told["too-dark"]["image_ids"] == image_ids(250)
    assert (told["too-dark"]["asked"], told["too-dark"]["failures"], told["whole"]["image_ids"]) == (300, 250, [])


def test_what_cannot_be_named_is_counted(
    objects: Objects, checked: BatchOutcome, tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """Anything but a hash in the place of an image id is kept off the page and out of the data, and counted."""
    odd = ["GARCIA^MARIA", None, float("nan"), "0" * 64 + "\n"]
    text = page_of(tmp_path / write_validation_page(objects, checked, {"too-dark": [*odd, *image_ids(246)]})).text
    assert "4 images cannot be named here" in text
    assert "2 images cannot be named here" in text
    assert "GARCIA" not in text + objects.get(keys.validation_data(checked)).decode()


def test_page_is_never_overwritten(objects: Objects, checked: BatchOutcome, page: Callable[..., ReadPage]) -> None:
    """Writing it again with other results changes neither page nor data, and adds nothing to the index."""
    page()
    before = {info.key: objects.get(info.key) for info in objects.list("reports/")}
    write_validation_page(objects, checked.model_copy(update={"expectations": RESULTS[:1]}), {})
    assert {info.key: objects.get(info.key) for info in objects.list("reports/")} == before


def test_revision_has_a_page_of_its_own(objects: Objects, checked: BatchOutcome) -> None:
    """Another revision of a batch does not touch the page of the first."""
    first = write_validation_page(objects, checked, {})
    later = checked.model_copy(update={"batch_id": "bimcv.b1.ffffff"})
    assert write_validation_page(objects, later, {}) != first


def test_results_of_an_earlier_version_have_a_page(
    objects: Objects, make_batch: Callable[..., BatchOutcome], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """A batch committed before suites and ids were kept shows its results, and how many images it cannot name."""
    text = page_of(tmp_path / write_validation_page(objects, make_batch("accepted"), {})).text
    assert "Expectations · 4 expectations, 3 not met" in text
    assert "2 images cannot be named here" in text
    assert "One expectation could not be evaluated on b1 " in text


def test_clean_batch_says_so(
    objects: Objects, make_batch: Callable[..., BatchOutcome], tmp_path: Path, page_of: Callable[[Path], ReadPage]
) -> None:
    """Where everything is met the heading says it, and no image is listed."""
    batch = make_batch("accepted", quarantined=0, refusals=(), expectations=RESULTS[:1])
    text = page_of(tmp_path / write_validation_page(objects, batch, {})).text
    assert "b1 meets all 1 expectation" in text
    assert "No image failed an expectation on its own." in text


def test_page_stays_light(objects: Objects, make_batch: Callable[..., BatchOutcome]) -> None:
    """A batch of 20,000 images that fail all of thirty expectations has a page of less than 400 kB."""
    failed = tuple(expectation(f"rule-{place}", passed=False, failures=20_000) for place in range(30))
    batch = make_batch("held", read=20_000, expectations=failed)
    names = image_ids(20_000)
    key = write_validation_page(objects, batch, {result.code: names for result in failed})
    assert len(objects.get(key)) < HEAVIEST
