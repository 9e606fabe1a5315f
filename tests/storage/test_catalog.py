"""The catalog: committed once, read by column, the same bytes every time."""

import io
import os

import pandas as pd
import pyarrow.parquet as pq
import pytest

from storage import catalog
from storage.objects.local import LocalObjects
from storage.store import Store
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.outcomes import BatchOutcome, BatchStatus


def rows(batch_id: str, statuses: tuple[str, ...] = ("accepted", "quarantined")) -> pd.DataFrame:
    """Catalog rows with what the tests look at."""
    return pd.DataFrame(
        {
            "image_id": [f"{batch_id}-{place}" for place in range(len(statuses))],
            "batch_id": batch_id,
            "status": statuses,
            "reasons": [[] if status == "accepted" else ["is blank"] for status in statuses],
            "shard": [0 if status == "accepted" else None for status in statuses],
        }
    )


def outcome(batch_id: str, status: BatchStatus = BatchStatus.ACCEPTED) -> BatchOutcome:
    """What became of a batch."""
    return BatchOutcome(batch_id=batch_id, source="a", name="one", status=status, read=2)


def test_commit_has_one_winner(store: Store) -> None:
    """A batch is committed once; a second commit changes nothing, whatever it holds."""
    assert catalog.commit_batch(store.objects, rows("a.one.1"), outcome("a.one.1"))
    before = store.objects.get(catalog.catalog_key("a.one.1"))
    assert not catalog.commit_batch(store.objects, rows("other"), outcome("a.one.1", BatchStatus.HELD))
    assert store.objects.get(catalog.catalog_key("a.one.1")) == before


def test_rows_come_back_by_column_and_status(store: Store) -> None:
    """Reading chooses columns, batches and statuses, in the order of batches and rows."""
    for batch_id in ("b.x.1", "a.one.1"):
        catalog.commit_batch(store.objects, rows(batch_id), outcome(batch_id))
    assert catalog.load_rows(store.objects, ["image_id"])["image_id"].tolist() == [
        "a.one.1-0", "a.one.1-1", "b.x.1-0", "b.x.1-1",
    ]  # fmt: skip
    accepted = catalog.load_rows(store.objects, ["image_id"], batches=["b.x.1"], statuses=("accepted",))
    assert accepted["image_id"].tolist() == ["b.x.1-0"]
    assert list(accepted.columns) == ["image_id"]
    assert catalog.batch_ids(store.objects, "b.") == ["b.x.1"]


def test_refused_batch_is_committed_without_rows(store: Store) -> None:
    """A batch nobody could read leaves its story and no rows."""
    refused = outcome("a.bad.1", BatchStatus.REFUSED).model_copy(update={"reasons": ("no known layout",)})
    catalog.commit_batch(store.objects, pd.DataFrame(), refused)
    assert catalog.load_outcome(store.objects, "a.bad.1") == refused
    assert catalog.load_rows(store.objects, ["image_id", "shard"]).empty


def test_equal_batches_are_equal_bytes(store: Store) -> None:
    """The file depends on nothing but the rows and the outcome."""
    catalog.commit_batch(store.objects, rows("a.one.1"), outcome("a.one.1"))
    first = store.objects.get(catalog.catalog_key("a.one.1"))
    store.objects.delete(catalog.catalog_key("a.one.1"))
    catalog.commit_batch(store.objects, rows("a.one.1"), outcome("a.one.1"))
    assert store.objects.get(catalog.catalog_key("a.one.1")) == first


def test_unknown_batch_is_an_error(store: Store) -> None:
    """Asking for a batch that is not there says so."""
    with pytest.raises(ObjectNotFound):
        catalog.load_outcome(store.objects, "a.none.1")


def test_empty_catalog_has_columns(store: Store) -> None:
    """An empty catalog is a frame without rows."""
    assert list(catalog.load_rows(store.objects, ["image_id", "age"]).columns) == ["image_id", "age"]


FIRST, LATE, LATER = (f"a.one.{digit * 12}" for digit in "fab")
"""Revisions of one batch, whose ids sort otherwise than they arrived."""


def commit_in_order(store: Store, *batches: str, seconds: int = 1) -> None:
    """Commit batches one after another, `seconds` apart."""
    assert isinstance(store.objects, LocalObjects)
    for place, batch_id in enumerate(batches):
        catalog.commit_batch(store.objects, rows(batch_id), outcome(batch_id))
        path = store.objects._root / catalog.catalog_key(batch_id)
        os.utime(path, (10**9 + place * seconds,) * 2)


def test_reading_again_replaces_the_family(store: Store) -> None:
    """A batch that was read again takes the place of all its earlier revisions, and of no other batch."""
    commit_in_order(store, FIRST, "a.two.cccccccccccc", LATE, f"{LATE}-1")
    assert catalog.current_batches(store.objects) == ["a.two.cccccccccccc", f"{LATE}-1"]
    assert catalog.load_rows(store.objects, ["batch_id"])["batch_id"].unique().tolist() == [
        f"{LATE}-1",
        "a.two.cccccccccccc",
    ]
    assert catalog.current_batches(store.objects, "a.one.") == [f"{LATE}-1"]
    assert set(catalog.batch_ids(store.objects)) == {FIRST, LATE, f"{LATE}-1", "a.two.cccccccccccc"}


def test_the_last_reading_counts(store: Store) -> None:
    """The tenth reading replaces the ninth; files that arrived after it stay beside it until they are read again."""
    commit_in_order(store, FIRST, f"{FIRST}-9", f"{FIRST}-10", LATE)
    assert catalog.current_batches(store.objects) == [f"{FIRST}-10", LATE]
    commit_in_order(store, FIRST, f"{FIRST}-9", f"{FIRST}-10", LATE, f"{LATE}-1")
    assert catalog.current_batches(store.objects) == [f"{LATE}-1"]


def test_late_files_survive_a_reading_that_did_not_see_them(store: Store) -> None:
    """A revision committed while the one before it was read again is not lost, though it was committed first."""
    commit_in_order(store, FIRST, LATE, f"{FIRST}-1")
    assert catalog.current_batches(store.objects) == [LATE, f"{FIRST}-1"]


def test_commits_of_one_second(store: Store) -> None:
    """Where a store tells seconds alone, what was read again still replaces what it was read from."""
    commit_in_order(store, FIRST, f"{FIRST}-1", f"{FIRST}-2", seconds=0)
    assert catalog.current_batches(store.objects) == [f"{FIRST}-2"]


def test_names_that_look_like_a_reading(store: Store) -> None:
    """Only a number behind the digest marks a batch that was read again, not one in a source's or batch's name."""
    commit_in_order(store, "a.one-1.cccccccccccc", "a.one-2.cccccccccccc", "a-1.one.dddddddddddd")
    assert len(catalog.current_batches(store.objects)) == 3
    assert catalog.batch_family("a.one-2.cccccccccccc-1") == "a.one-2."


def test_compared_batches_are_kept(store: Store) -> None:
    """What a batch was compared with comes back, the same bytes in whatever order it was given."""
    catalog.commit_batch(store.objects, rows("a.one.1"), outcome("a.one.1"), ["c", "b"])
    catalog.commit_batch(store.objects, rows("b.x.1"), outcome("b.x.1"))
    frame, compared = catalog.load_tables(store.objects, ["image_id"], ["b.x.1", "a.one.1"])
    assert compared == {"b.x.1": [], "a.one.1": ["b", "c"]}
    assert frame["image_id"].tolist() == ["b.x.1-0", "b.x.1-1", "a.one.1-0", "a.one.1-1"]


def test_files_without_the_mark_saw_nothing(store: Store) -> None:
    """A file committed before comparisons were recorded counts as compared with nothing."""
    commit_in_order(store, FIRST)
    key = catalog.catalog_key(FIRST)
    table = pq.read_table(io.BytesIO(store.objects.get(key)))
    metadata = {name: value for name, value in table.schema.metadata.items() if name != b"xray.compared"}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer)
    store.objects.put(key, buffer.getvalue())
    assert catalog.load_tables(store.objects, ["image_id"], [FIRST])[1] == {FIRST: []}


def test_files_without_a_column_give_nulls(store: Store) -> None:
    """A file committed before the codes of failed expectations were kept loads, with nothing known there."""
    failed = pd.Series([["too-dark", "sex-unknown"], []])
    catalog.commit_batch(store.objects, rows("b.x.1").assign(failed=failed), outcome("b.x.1"))
    commit_in_order(store, FIRST)
    key = catalog.catalog_key(FIRST)
    table = pq.read_table(io.BytesIO(store.objects.get(key)))
    buffer = io.BytesIO()
    pq.write_table(table.drop_columns(["failed"]), buffer)
    store.objects.put(key, buffer.getvalue())
    found = catalog.load_rows(store.objects, ["image_id", "failed", "status"], [FIRST, "b.x.1"], ("accepted",))
    assert found["failed"].map(lambda codes: codes if codes is None else list(codes)).tolist() == [None, failed[0]]
    assert list(found.columns) == ["image_id", "failed", "status"]


@pytest.mark.parametrize("damage", ["no table", "cut short", "bytes lost inside", "no outcome", "a column less"])
def test_a_damaged_file_is_named(store: Store, damage: str) -> None:
    """Whatever is wrong with it, readers of rows and of what became of the batch are told which object it is."""
    catalog.commit_batch(store.objects, rows("a.one.1"), outcome("a.one.1"))
    key = catalog.catalog_key("a.one.1")
    data = store.objects.get(key)
    table = pq.read_table(io.BytesIO(data))
    others = {"no outcome": table.replace_schema_metadata({}), "a column less": table.drop_columns(["image_id"])}
    if damage in others:
        buffer = io.BytesIO()
        pq.write_table(others[damage], buffer)
        data = buffer.getvalue()
    store.objects.put(
        key, {"no table": b"junk", "cut short": data[:-100], "bytes lost inside": data[500:]}.get(damage, data)
    )
    with pytest.raises(InvalidInput, match=key):
        catalog.parse_batch("a.one.1", store.objects.get(key), ["image_id"])
    if damage != "no outcome":
        with pytest.raises(InvalidInput, match=key):
            catalog.load_rows(store.objects, ["image_id"])
