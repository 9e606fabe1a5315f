"""The catalog: committed once, read by column, the same bytes every time."""

import pandas as pd
import pytest

from storage import catalog
from storage.store import Store
from xray_model.errors import ObjectNotFound
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
