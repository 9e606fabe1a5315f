"""The page on a snapshot, whatever its images are, and the index of those pages."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.exploration import Trained, Trainings, load_explored
from storage.reports import keys, write_explore_page, write_index, write_night_page
from storage.reports.explore_index import write_explore_index
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import Store
from tests.storage.exploring import SIDE, describe_images, forget_batch, put_snapshot
from tests.storage.reports.written.conftest import Page
from tests.xray_model.evaluation.evaluations import full_training
from xray_model.outcomes import NightOutcome

PageOf = Callable[[Path], Page]
HOSTILE = "<script>alert(1)</script>\"'&%2e%2e/\u202edleh"


@pytest.fixture
def root(store: Store) -> Path:
    """Where the store's pages lie."""
    return Path(Settings().store_url.removeprefix("file://"))


@pytest.fixture
def write(
    store: Store,
    root: Path,
    page_of: PageOf,
    problems_of: Callable[[Path], list[str]],
    make_night: Callable[..., NightOutcome],
) -> Callable[..., Page]:
    """Write the page on a snapshot of these rows, all indexes beside it, and read it; it must be sound."""
    write_night_page(store.objects, make_night())

    def run(rows: pd.DataFrame, *trained: Trained, gone: bool = False) -> Page:
        snapshot_id = put_snapshot(store, rows)
        if gone:
            forget_batch(store)
        record = write_explore_page(
            store.objects, load_explored(store.objects, snapshot_id), Trainings(trained, 1), SIDE
        )
        write_index(store.objects)
        assert problems_of(root) == []
        page = page_of(root / record.page)
        assert record.headline in page.text
        assert page.text.endswith("Research tool. Not for diagnostic use.")
        return page

    return run


def test_page_counts_and_shows(write: Callable[..., Page]) -> None:
    """Counts stand beside each chart, 25 images of each class are shown, and what each training rebalanced."""
    page = write(
        describe_images(160), Trained(7, full_training(), {"late leak": 3}), Trained(None, full_training(), {})
    )
    assert "160 images of 80 patients" in page.text
    assert sum("/" not in link and link.startswith("class-") for link in page.links) == 2 * 2 * 25
    assert "64 x 32 160 100 % 80 80 80" in page.text
    assert "v7 · mobilenet_v2, oversample" in page.text
    assert "A training that was not judged" in page.text
    assert "Left out of the snapshot: 3 late leak." in page.text
    assert "1 record of trainings" in page.text
    assert "covid 49 130 normal 130 130 pneumonia 35 130" in page.text
    assert "Counted on a sample" in page.text


def test_what_is_missing_is_a_row(write: Callable[..., Page]) -> None:
    """Facts that are all missing, ages too, are rows of their own with all images."""
    page = write(describe_images(48, age=np.nan, sex=None, view=None, manufacturer=None))
    assert page.text.count("not known 48 100 %") == 4
    assert "Not known: age of 100 %, view of 100 %, sex of 100 %, scanner of 100 % of the images." in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "pneumonia"},
        {"source": HOSTILE, "manufacturer": HOSTILE, "view": HOSTILE, "sex": HOSTILE},
        {"source": [f"source {place // 2}" for place in range(96)]},
        {"phash": None, "aspect": np.nan, "width": None, "height": None},
    ],
    ids=["one class", "hostile names", "many sources", "no figures"],
)
def test_any_images_have_a_sound_page(write: Callable[..., Page], changes: dict[str, object]) -> None:
    """One class, names that are markup, a source for each patient, or no figures at all: the page is whole."""
    page = write(describe_images(96, **changes))
    assert "96 images of 48 patients" in page.text
    assert "\u202e" not in page.text


def test_a_batch_that_left_the_catalog_is_a_note(write: Callable[..., Page]) -> None:
    """Images whose batch is gone are still counted; sizes are not known and pictures are said to be gone."""
    page = write(describe_images(48), gone=True)
    assert "1 batch of this snapshot left the catalog" in page.text
    assert "No picture: its pixels are gone" in page.text
    assert "not known 48 100 %" in page.text


def test_near_duplicates_are_shown_as_pairs(write: Callable[..., Page]) -> None:
    """Two images of one patient that are nearly the same stand side by side, and how they differ in words."""
    rows = describe_images(48)
    twins = ["f" * 64, "f" * 63 + "e", *rows["phash"].iloc[2:]]
    page = write(rows.assign(phash=twins))
    assert "1 image is nearly the same as an earlier one: 0 with another label" in page.text
    assert "one label one split one patient" in page.text


def test_an_empty_snapshot_has_a_page(write: Callable[..., Page]) -> None:
    """Without an image the page says so."""
    page = write(describe_images(48, label="other"))
    assert "This snapshot holds no image" in page.text


def test_written_again_it_is_the_same(store: Store, root: Path, write: Callable[..., Page]) -> None:
    """A second run draws the same pictures and leaves one entry in the index."""
    write(describe_images(64))
    before = {info.key: info.size for info in store.objects.list(keys.EXPLORE) if info.key.endswith(".jpg")}
    write(describe_images(64))
    assert {info.key: info.size for info in store.objects.list(keys.EXPLORE) if info.key.endswith(".jpg")} == before
    assert len(load_snapshot(store.objects, next(iter(store.objects.list_folders(keys.EXPLORE))).split("/")[2])) == 64


def test_index_lists_what_can_be_read(store: Store, root: Path, page_of: PageOf, write: Callable[..., Page]) -> None:
    """The newest page's news is the heading; a record of another version is linked, one without is passed over."""
    assert "No snapshot has been explored yet" in page_of(root / write_explore_index(store.objects)).text
    write(describe_images(64))
    store.objects.put("reports/explore/old/explore.json", b'{"other": 1}')
    store.objects.put("reports/explore/old/index.html", b"<!doctype html><title>old</title>")
    store.objects.put("reports/explore/half/index.html", b"<!doctype html><title>half</title>")
    index = page_of(root / write_explore_index(store.objects))
    assert index.text.count("64 images of 32 patients") == 2
    assert "old/index.html" in index.links
    assert "half/index.html" not in index.links
