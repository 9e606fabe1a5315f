"""A model's page with everything it can show, as it lies in the store."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PIL import Image

from storage.objects import Objects
from storage.reports import write_index, write_model_page
from tests.storage.reports.carding import SETS, WARD, judged_card, judged_retrain
from tests.storage.reports.written.reading import ReadPage
from xray_model.outcomes import RetrainOutcome, SubgroupScore

SCRIPT = '<script>alert(1)</script>"'


@pytest.fixture
def retrain() -> RetrainOutcome:
    """A judged model with every figure."""
    return judged_retrain()


@pytest.fixture
def page(objects: Objects, tmp_path: Path, retrain: RetrainOutcome) -> Path:
    """Its page."""
    write_index(objects)
    return tmp_path / write_model_page(objects, retrain, judged_card(retrain, examples=20))


def test_page_is_sound(page: Path, tmp_path: Path, problems_of: Callable[[Path], list[str]]) -> None:
    """Elements are closed, pictures are there, nothing comes from outside, and no style stands on an element."""
    assert [problem for problem in problems_of(tmp_path) if "index.html#" not in problem] == []


def test_page_is_a_whole_card(page: Path, page_of: Callable[[Path], ReadPage]) -> None:
    """Use, decision, waivers, power, limits, every figure with its interval, probes, subgroups and data are there."""
    text = page_of(page).text
    for part in (
        "promoted 2 conditions waived mobilenet_v2",
        "not measured Only one source.",
        "Not for diagnostic use.",
        f"Holds for view=AP waived F1 falls from .85 to .74. Waived: {WARD}",
        "would show a true gain of .08 or more in F1 in four of five comparisons",
        "Every training image of covid comes from bimcv: what it calls covid may be that source.",
        "F1, all images alike (weighted) Champion v6 .81 .77 to .85 Challenger v7 .86 .82 to .90",
        "covid .81 .77 to .85 .84 .77 to .91 .91 .89 to .93 .83 .79 to .87 43",
        "Of 43 covid images 39 are called covid",
        "Expected calibration error .06, 95 % interval .04 to .08, on 300 images of 157 patients of the test split",
        "The scores were divided by 1.31",
        "With the lungs hidden within its bound This model would score .58 with the lungs hidden",
        "Measured .52; at most .75 is asked.",
        f"Cramer's V is .94 among the training images. Waived: {SETS}",
        "On a source it has not learned from not measured",
        "view=AP .74 .65 to .83 .74 .64 to .84",
        "too few to say .52 .22 to .82",
        "Training images by source",
        "kaggle 0 70 30",
        "wrong called normal (.51), is covid · 100000",
        "right called covid (.50) · 000000",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("margin", "said"), [(0.0, "is better than the"), (0.02, "is less than .02 of F1 worse than the")]
)
def test_margin_is_named(
    objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage], margin: float, said: str
) -> None:
    """The chance that a challenger is better is not that of being within a margin."""
    retrain = judged_retrain()
    assert retrain.promotion is not None
    decision = retrain.promotion.decision.model_copy(update={"margin": margin})
    judged = retrain.model_copy(update={"promotion": retrain.promotion.model_copy(update={"decision": decision})})
    text = page_of(tmp_path / write_model_page(objects, judged, judged_card(judged))).text
    assert f"Chance that the challenger {said} champion on covid, by paired bootstrap over patients: .97." in text


def test_pictures_lie_beside_the_page(page: Path, page_of: Callable[[Path], ReadPage]) -> None:
    """Seven drawings and twelve examples are files, each shown and each a link to itself."""
    drawings = {path.name for path in page.parent.glob("*.svg")}
    examples = sorted(path.name for path in page.parent.glob("*.jpg"))
    assert len(drawings) == 7
    assert len(examples) == 12
    assert set(page_of(page).links) >= drawings | set(examples)
    with Image.open(page.parent / examples[0]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (130, 64))


def test_an_image_is_named_by_its_id_alone(page: Path) -> None:
    """A page shows the start of an image id, and no pseudonym of a patient."""
    text = page.read_text()
    assert "patient 1" not in text
    assert not re.search(r"[0-9a-f]{13,}", re.sub(r"sha256-[^']*|(cd){32}", "", text))


def test_the_page_comes_last(
    objects: Objects, retrain: RetrainOutcome, monkeypatch: pytest.MonkeyPatch, page_of: Callable[[Path], ReadPage]
) -> None:
    """Where a picture cannot be written there is no page, and the next attempt writes both."""

    def fail(items: Iterable[tuple[str, bytes]]) -> int:
        raise OSError(f"{len(list(items))} are not written")

    card = judged_card(retrain)
    with monkeypatch.context() as patched:
        patched.setattr(objects, "put_many", fail)
        with pytest.raises(OSError, match="are not written"):
            write_model_page(objects, retrain, card)
    assert not objects.exists("reports/models/v7/index.html")
    assert objects.exists(write_model_page(objects, retrain, card))


def test_a_steward_is_waited_for(
    objects: Objects, tmp_path: Path, page_of: Callable[[Path], ReadPage], problems_of: Callable[[Path], list[str]]
) -> None:
    """A model that passed but needs approval is not called promoted."""
    waiting = judged_retrain(requires_approval=True)
    text = page_of(tmp_path / write_model_page(objects, waiting)).text
    assert "v7 waits for approval in place of v6: F1 of covid .82, against .77" in text
    assert "a steward decides whether it goes into service" in text
    assert "promoted" not in text


def test_what_a_source_wrote_is_escaped(objects: Objects, tmp_path: Path, retrain: RetrainOutcome) -> None:
    """A manufacturer, a source or a waiver with HTML in it is shown as it is, in the page and in the drawings."""
    assert retrain.challenger
    assert retrain.promotion
    groups: tuple[SubgroupScore, ...] = tuple(
        group.model_copy(update={"value": SCRIPT, "too_small": False}) for group in retrain.challenger.subgroups
    )
    decision = retrain.promotion.decision
    checks = tuple(check.model_copy(update={"sentence": SCRIPT, "waiver": SCRIPT}) for check in decision.checks)
    judged = retrain.promotion.model_copy(update={"decision": decision.model_copy(update={"checks": checks})})
    hostile = retrain.model_copy(
        update={"challenger": retrain.challenger.model_copy(update={"subgroups": groups}), "promotion": judged}
    )
    page = tmp_path / write_model_page(objects, hostile, judged_card(hostile))
    for path in (page, page.parent / "subgroups.svg"):
        assert "&lt;script&gt;" in path.read_text()
        assert "<script>" not in path.read_text()


def test_a_class_that_the_champion_does_not_know(
    objects: Objects, tmp_path: Path, retrain: RetrainOutcome, page_of: Callable[[Path], ReadPage]
) -> None:
    """A champion of fewer classes has no score of the others, and the page says why."""
    assert retrain.champion
    fewer = retrain.champion.model_copy(update={"classes": retrain.champion.classes[:2]})
    page = write_model_page(objects, retrain.model_copy(update={"champion": fewer}))
    said = "pneumonia The champion does not know this class. Challenger v7 .88 .83 to .93"
    assert page_of(tmp_path / page).text.count(said) == 1
