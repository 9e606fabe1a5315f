"""The page of a batch: which of its images are shown, and what it says where nothing is needed."""

from collections.abc import Callable
from pathlib import Path

from storage.objects import Objects
from storage.reports import Picture, write_batch_page
from tests.storage.reports.written.reading import DARK, INVERTED, ReadPage
from xray_model.outcomes import BatchOutcome, Refusal


def test_pictures_are_bounded_and_counted(
    objects: Objects,
    tmp_path: Path,
    make_batch: Callable[..., BatchOutcome],
    make_picture: Callable[..., Picture],
    page_of: Callable[[Path], ReadPage],
) -> None:
    """Of many refused images sixty are shown, spread over the reasons, and the page says of how many."""
    refusals = (Refusal(reason=DARK, images=6), Refusal(reason=INVERTED, images=406))
    refused = [make_picture(number, INVERTED if number > 6 else DARK) for number in range(1, 201)]
    batch = make_batch("held", quarantined=412, read=500, refusals=refusals)
    key = write_batch_page(objects, batch, refused, [], 412)
    folder = (tmp_path / key).parent
    assert len(list(folder.glob("refused-*.jpg"))) == 60
    text = page_of(tmp_path / key).text
    assert "60 of 412 refused images shown, spread over the reasons" in text
    assert "406 images, 54 shown" in text
    assert text.index(INVERTED) < text.index(DARK)


def test_unlisted_reason_has_a_section(
    objects: Objects,
    tmp_path: Path,
    make_batch: Callable[..., BatchOutcome],
    make_picture: Callable[..., Picture],
    page_of: Callable[[Path], ReadPage],
) -> None:
    """A picture whose reason the batch did not count is still shown, under that reason or under none."""
    batch = make_batch("accepted", refusals=())
    key = write_batch_page(objects, batch, [make_picture(1, "Something else."), make_picture(2)], [], 2)
    page = page_of(tmp_path / key)
    assert "Something else. · 1 image" in page.text
    assert "No reason was recorded · 1 image" in page.text
    assert {"reason-1", "reason-2"} <= set(page.ids)


def test_clean_batch_asks_for_nothing(
    objects: Objects, tmp_path: Path, make_batch: Callable[..., BatchOutcome], page_of: Callable[[Path], ReadPage]
) -> None:
    """A batch without a refused image says that nothing is needed."""
    batch = make_batch(accepted=20, quarantined=0, refusals=())
    text = page_of(tmp_path / write_batch_page(objects, batch, [], [], 0)).text
    assert "Nothing is needed from you" in text
    assert "No image was refused on its own." in text
