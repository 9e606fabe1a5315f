"""The feature cache: whole and right, or computed again; whoever writes at the same time."""

import logging
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.features import FeatureCache, ShardFeatures, ShardLook
from storage.objects import open_objects
from storage.shards import array_bytes
from storage.store import Store

SHAPE = (2, 3)
IMAGES = ShardLook("batch", 4)
VIEW = ShardLook("batch", 4, "d" * 16 + "-0002")
ROOM = 10**9


def right(rows: list[int]) -> ShardFeatures:
    """The features that belong to these rows: each holds its row's number."""
    numbers = np.array(rows, np.intp)
    return ShardFeatures(numbers, np.broadcast_to(numbers[:, None, None], (len(rows), *SHAPE)).astype(np.float16))


def opened(store: Store, mark: str = "f", most_bytes: int = ROOM) -> FeatureCache:
    """The cache of one frozen part."""
    return FeatureCache(store.objects, mark, SHAPE, most_bytes)


def test_images_lie_where_they_always_did(store: Store) -> None:
    """The images' own features are one whole float16 array, so that caches from before views stay valid."""
    features = right([0, 1, 2]).features
    store.objects.put("features/f/batch/0004.npy", array_bytes(features))
    found = opened(store).load(IMAGES)
    assert np.array_equal(found.features, features)
    assert found.rows.tolist() == [0, 1, 2]
    opened(store, "g").save(IMAGES, found)
    assert store.objects.get("features/g/batch/0004.npy") == store.objects.get("features/f/batch/0004.npy")


def test_a_view_keeps_the_rows_that_were_asked_for(store: Store) -> None:
    """A view's file holds those rows alone, and rows added later join them."""
    cache = opened(store)
    cache.save(VIEW, right([7, 300]))
    size = store.objects.head(VIEW.key("f")).size
    assert size < 300 * 16
    kept = cache.load(VIEW)
    assert kept.missing(np.array([300, 9, 7, 9])).tolist() == [9]
    cache.save(VIEW, kept.with_rows(np.array([9]), right([9]).features))
    assert cache.load(VIEW).take(np.array([300, 9, 7, 9]))[:, 0, 0].tolist() == [300, 9, 7, 9]


def test_nothing_is_read_under_another_name(store: Store) -> None:
    """Another fingerprint, look, batch or shard finds nothing."""
    opened(store).save(VIEW, right([1]))
    others = [
        ShardLook("batch", 4, "d" * 16 + "-0001"),
        ShardLook("batch", 4, "e" * 16 + "-0002"),
        ShardLook("other", 4, VIEW.mark),
        ShardLook("batch", 5, VIEW.mark),
        IMAGES,
    ]
    assert [len(opened(store).load(other).rows) for other in others] == [0] * 5
    assert len(opened(store, "g").load(VIEW).rows) == 0
    assert len(opened(store).load(VIEW).rows) == 1


@pytest.mark.parametrize("place", [IMAGES, VIEW], ids=["images", "view"])
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "shape", "kind", "order"])
def test_damaged_and_foreign_files_are_computed_again(
    place: ShardLook, damage: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is cut short or holds something else counts as missing, and is named in the log."""
    cache = opened(store)
    cache.save(place, right([0, 1]))
    key = place.key("f")
    whole = store.objects.get(key)
    table = np.zeros(2, [("row", "<i4"), ("features", "<f2", SHAPE)])
    files = {
        "cut": whole[:-1],
        "empty": b"",
        "text": b"not an array",
        "shape": array_bytes(np.zeros((2, 5), np.float16)),
        "kind": array_bytes(np.zeros((2, *SHAPE), np.float32)),
        "order": array_bytes(table if place is VIEW else np.zeros((), np.float16)),
    }
    store.objects.put(key, files[damage])
    with caplog.at_level(logging.WARNING):
        assert len(cache.load(place).rows) == 0
    assert key in caplog.text
    cache.save(place, right([0, 1]))
    assert np.array_equal(cache.load(place).features, right([0, 1]).features)


def test_the_bound_is_kept_and_said_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """What would pass the bound is refused, with what lies there from other nights counted, and logged once."""
    row = 4 + 2 * 2 * 3
    opened(store).save(VIEW, right(list(range(100))))
    held = store.objects.head(VIEW.key("f")).size
    cache = opened(store, most_bytes=held + 10 * row)
    assert cache.take_room(6)
    cache.save(IMAGES, right(list(range(6))))
    assert not cache.take_room(5)
    assert cache.take_room(4)
    assert not cache.take_room(1)
    assert caplog.text.count("XRAY_FEATURE_BYTES") == 1
    assert opened(store, "another", most_bytes=10 * row).take_room(10)


@given(first=st.sets(st.integers(0, 40)), second=st.sets(st.integers(0, 40)))
def test_rows_added_are_found_under_their_own_number(first: set[int], second: set[int]) -> None:
    """However rows come together, each finds its own features and none is missing."""
    kept = right(sorted(first))
    missing = kept.missing(np.array(sorted(second), np.intp))
    together = kept.with_rows(missing, right(missing.tolist()).features)
    wanted = sorted(first | second)
    assert together.rows.tolist() == wanted
    assert together.take(np.array(wanted, np.intp))[:, 0, 0].tolist() == wanted


def write_and_read(url: str, seed: int) -> int:
    """Add random rows to one view thirty times, as a trainer does; how many features read were wrong."""
    rng = np.random.default_rng(seed)
    cache = FeatureCache(open_objects(url), "f", SHAPE, ROOM)
    wrong = 0
    for _ in range(30):
        kept = cache.load(VIEW)
        wrong += int((kept.features != kept.rows[:, None, None]).sum())
        missing = kept.missing(rng.integers(0, 200, 10))
        cache.save(VIEW, kept.with_rows(missing, right(missing.tolist()).features))
        cache.save(IMAGES, right(list(range(200))))
        images = cache.load(IMAGES)
        wrong += int((images.features != images.rows[:, None, None]).sum()) + (len(images.rows) != 200)
    return wrong


def test_two_trainers_at_once_do_not_spoil_it(store: Store) -> None:
    """Processes that write the same keys at once never read a wrong feature, and leave whole files."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        wrong = list(pool.map(write_and_read, [store.objects.url] * 2, range(2)))
    assert wrong == [0, 0]
    kept = opened(store).load(VIEW)
    assert len(kept.rows) >= 10
    assert np.array_equal(kept.features, right(kept.rows.tolist()).features)
