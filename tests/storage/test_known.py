"""What new images are compared with: accepted, current, the newest of each file."""

import pandas as pd

from storage.catalog import commit_batch
from storage.known import load_known, newest_rows
from storage.store import Store
from xray_model.outcomes import BatchOutcome, BatchStatus

FIRST, LATE = "a.one.ffffffffffff", "a.one.aaaaaaaaaaaa"


def commit(store: Store, batch_id: str, statuses: dict[str, str], revision: int = 0) -> None:
    """Commit a batch with a row for each key, of the given status."""
    rows = pd.DataFrame(
        {
            "image_id": [f"{batch_id}/{key}" for key in statuses],
            "batch_id": batch_id,
            "key": list(statuses),
            "revision": revision,
            "status": list(statuses.values()),
        }
    )
    outcome = BatchOutcome(batch_id=batch_id, source="a", name="one", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, rows, outcome)


def test_accepted_rows_are_known(store: Store) -> None:
    """Accepted rows are compared with, and their batches are named; held ones where they are asked for, unnamed."""
    commit(store, FIRST, {"1": "accepted", "2": "quarantined"})
    commit(store, "b.one.bbbbbbbbbbbb", {"3": "held"})
    known = load_known(store.objects, ["image_id"])
    assert known.rows["image_id"].tolist() == [f"{FIRST}/1"]
    assert known.batches == (FIRST,)
    both = load_known(store.objects, ["key", "status"], statuses=("accepted", "held"))
    assert both.rows["key"].tolist() == ["1", "3"]
    assert list(both.rows.columns) == ["key", "status"]
    assert both.batches == (FIRST,)


def test_a_family_can_be_left_out(store: Store) -> None:
    """A batch that is read again is compared with all but its own family."""
    commit(store, FIRST, {"1": "accepted"})
    commit(store, "a.two.bbbbbbbbbbbb", {"2": "accepted"})
    known = load_known(store.objects, ["key"], without="a.one.")
    assert known.rows["key"].tolist() == ["2"]
    assert known.batches == ("a.two.bbbbbbbbbbbb",)


def test_replaced_batches_and_files_are_not_known(store: Store) -> None:
    """What was read again, and a file of which a newer one was sent, is compared with no more."""
    commit(store, "a.two.bbbbbbbbbbbb", {"2": "accepted"})
    commit(store, "a.two.bbbbbbbbbbbb-1", {"2": "accepted"})
    commit(store, FIRST, {"3": "accepted", "4": "accepted"})
    commit(store, LATE, {"4": "quarantined", "5": "accepted"}, revision=1)
    known = load_known(store.objects, ["image_id"])
    assert known.rows["image_id"].tolist() == ["a.two.bbbbbbbbbbbb-1/2", f"{FIRST}/3", f"{LATE}/5"]
    assert known.batches == (LATE, FIRST, "a.two.bbbbbbbbbbbb-1")


def test_nothing_is_known_at_first(store: Store) -> None:
    """An empty catalog knows nothing, with the columns asked for."""
    known = load_known(store.objects, ["image_id", "phash"])
    assert list(known.rows.columns) == ["image_id", "phash"]
    assert known.rows.empty
    assert known.batches == ()


def test_newest_row_of_a_file() -> None:
    """The last revision of a key counts, the later row in one revision, and a key of another family is another file."""
    rows = pd.DataFrame(
        [
            (FIRST, "1", 0),
            (LATE, "1", 2),
            ("a.one.cccccccccccc", "1", 1),
            ("a.two.cccccccccccc", "1", 0),
            (LATE, "2", 2),
            ("a.one.cccccccccccc", "2", 2),
        ],
        columns=["batch_id", "key", "revision"],
        index=[9, 8, 7, 6, 5, 4],
    )
    assert newest_rows(rows).to_dict() == {9: False, 8: True, 7: False, 6: True, 5: False, 4: True}
