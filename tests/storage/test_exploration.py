"""What a page on a snapshot needs of the store: the right snapshot, its facts, and draws that never change."""

import numpy as np
import pandas as pd
import pytest

from storage.catalog import commit_batch
from storage.exploration import (
    choose_snapshot,
    draw_images,
    load_explored,
    load_pixels,
    measure_intensities,
)
from storage.snapshots import snapshot_key
from storage.store import Store
from tests.storage.entries import gate, write_ledger
from tests.storage.exploring import BATCH, OPTIONS, SIDE, describe_images, forget_batch, put_snapshot
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus


def test_the_newest_that_was_judged_is_meant(store: Store) -> None:
    """Without a name it is the last one of the ledger that is still there, or what is accepted now."""
    with pytest.raises(InvalidInput, match="nothing to explore"):
        choose_snapshot(store.objects, None, OPTIONS)
    built = put_snapshot(store, describe_images(16))
    assert choose_snapshot(store.objects, None, OPTIONS) == built
    write_ledger(store.objects, gate(0, 1), gate(1, 2, 1), gate(2, 3, 2))
    store.objects.put(snapshot_key("s1"), store.objects.get(snapshot_key(built)))
    assert choose_snapshot(store.objects, None, OPTIONS) == "s1"


def test_a_beginning_names_a_snapshot(store: Store) -> None:
    """An id is meant by itself or by a beginning that no other has; else those that there are are named."""
    for name in ("ab12", "ab34", "ab"):
        store.objects.put(snapshot_key(name), b"")
    assert choose_snapshot(store.objects, "ab1", OPTIONS) == "ab12"
    assert choose_snapshot(store.objects, "ab", OPTIONS) == "ab"
    with pytest.raises(InvalidInput, match="3 snapshots begin with 'a'"):
        choose_snapshot(store.objects, "a", OPTIONS)
    for name in ("x", ""):
        with pytest.raises(InvalidInput, match="no snapshots begin"):
            choose_snapshot(store.objects, name, OPTIONS)


def test_catalog_tells_sizes_and_what_was_kept_out(store: Store) -> None:
    """Each image gets the size of its file, and exact and near repeats that stayed out are told apart."""
    rows = describe_images(16)
    snapshot_id = put_snapshot(store, rows)
    forget_batch(store)
    refused = rows.head(3).assign(status="quarantined", duplicate_kind=["leak", "leak", "exact"], shard=np.nan)
    refused["image_id"] = ["x", "y", str(rows["image_id"].iat[5])]
    both = pd.concat([rows.assign(status="accepted"), refused], ignore_index=True)
    outcome = BatchOutcome(batch_id=BATCH, source="clinic", name="first", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, both, outcome)
    explored = load_explored(store.objects, snapshot_id)
    assert set(zip(explored.rows["width"], explored.rows["height"], strict=True)) == {(2 * SIDE, SIDE)}
    assert list(explored.kept_out.values()) == [1, 2]
    assert len(explored.rows) == 16
    assert explored.gone == ()


def test_a_batch_that_left_the_catalog_is_named(store: Store) -> None:
    """Its images stay, their sizes are not known, and their pixels are None."""
    snapshot_id = put_snapshot(store, describe_images(16))
    forget_batch(store)
    explored = load_explored(store.objects, snapshot_id)
    assert explored.gone == (BATCH,)
    assert len(explored.rows) == 16
    assert explored.rows[["width", "height"]].isna().to_numpy().all()
    assert list(load_pixels(store.objects, explored.rows, "look")) == [None] * 16
    ((shares, images),) = measure_intensities(store.objects, explored.rows, [explored.rows.index])
    assert images == 0
    assert not shares.any()


def test_a_draw_is_the_same_each_time() -> None:
    """Order and number of the other images have no say in which of two are drawn, and a patient stands in it once."""
    rows = describe_images(40)
    drawn = draw_images(rows, 10, by_patient=True)
    assert drawn["patient_id"].is_unique
    assert list(draw_images(rows.sample(frac=1, random_state=1), 10, by_patient=True)["image_id"]) == list(
        drawn["image_id"]
    )
    fewer = rows[rows["image_id"].isin(drawn["image_id"])]
    assert list(draw_images(fewer, 10, by_patient=True)["image_id"]) == list(drawn["image_id"])


def test_gray_levels_leave_padding_out(store: Store) -> None:
    """Each image weighs the same in each group it stands in, and its black padding does not count."""
    snapshot_id = put_snapshot(store, describe_images(16))
    rows = load_explored(store.objects, snapshot_id).rows
    level = 100 + rows["row"] % 50
    (first, one), (both, two) = measure_intensities(store.objects, rows, [rows.index[:1], rows.index[:2]])
    assert (one, two) == (1, 2)
    assert np.flatnonzero(first).tolist() == [level[0]]
    assert sorted(np.flatnonzero(both)) == sorted(level[:2])
    assert both.sum() == pytest.approx(1)
