"""Reading a batch again: what the new revision replaces, and what is kept."""

from pathlib import Path

import pytest

from apps.push import push_batch
from flows.ingest import ingest
from flows.running import run_flow
from storage import catalog
from storage.settings import Settings
from storage.snapshots import build_snapshot, load_snapshot
from storage.store import open_store
from xray_model.config import IngestOptions, SnapshotOptions
from xray_model.data.phantoms import CohortOptions, write_class_folders
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus

pytestmark = pytest.mark.usefixtures("prefect_server")

AGAIN = IngestOptions(batches=("first",), again=True)


def run(options: IngestOptions | None = None) -> tuple[BatchOutcome, ...]:
    """What one ingest made of the batches."""
    outcomes: tuple[BatchOutcome, ...] = run_flow(ingest, options or IngestOptions())
    return outcomes


@pytest.fixture
def images(home: Path, tmp_path: Path) -> int:
    """Number of images of a batch `first` in the landing zone."""
    written = write_class_folders(tmp_path / "cohort", CohortOptions(patients=10, seed=4), three_classes=True)
    push_batch(tmp_path / "cohort", "hospital", "first")
    return written.images


def test_a_batch_read_again_takes_the_place_of_its_first_reading(images: int) -> None:
    """Every image is read anew and none is called a duplicate of itself; the first rows stay, and no longer count."""
    (first,) = run()
    (second,) = run(AGAIN)
    objects = open_store(Settings()).objects
    assert (second.read, second.accepted) == (first.read, first.accepted) == (images, images)
    assert second.batch_id == f"{first.batch_id}-1"
    assert set(catalog.batch_ids(objects)) == {first.batch_id, second.batch_id}
    assert catalog.current_batches(objects) == [second.batch_id]
    snapshot = build_snapshot(objects, SnapshotOptions())
    assert set(load_snapshot(objects, snapshot.snapshot_id)["batch_id"]) == {second.batch_id}
    assert run() == ()


def test_each_time_is_a_revision_of_its_own(images: int) -> None:
    """Read again twice, a batch has three revisions of which the last counts."""
    (first,) = run()
    run(AGAIN)
    (third,) = run(AGAIN)
    objects = open_store(Settings()).objects
    assert catalog.current_batches(objects) == [third.batch_id] == [f"{first.batch_id}-2"]


def test_a_revision_without_a_new_image_is_no_empty_batch(images: int) -> None:
    """A file that is no image makes a revision: it is accepted with no row, and asked as every other."""
    run()
    objects = open_store(Settings()).objects
    objects.put("incoming/hospital/first/notes.txt", b"sent by the night shift")
    (second,) = run()
    assert (second.status, second.read, second.reasons) == (BatchStatus.ACCEPTED, 0, ())
    assert all(result.evaluated for result in second.expectations)
    assert len(catalog.load_rows(objects, ["image_id"])) == images


def test_a_batch_that_cannot_be_read_again_keeps_what_was_read(images: int) -> None:
    """Under a layout that it does not follow it is refused, and its first reading still counts."""
    (first,) = run()
    (refused,) = run(AGAIN.model_copy(update={"layout": "csv_table"}))
    assert refused.status is BatchStatus.REFUSED
    assert catalog.current_batches(open_store(Settings()).objects) == [first.batch_id]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (IngestOptions(batches=("second",)), "no batch second is ready"),
        (IngestOptions(again=True), "name the batches"),
    ],
)
def test_what_is_to_be_read_must_be_named_and_there(images: int, options: IngestOptions, words: str) -> None:
    """A name that is not in the landing zone, or reading again without a name, is refused in words."""
    with pytest.raises(InvalidInput, match=words):
        run(options)
