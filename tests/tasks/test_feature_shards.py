"""Features that others compute shard by shard: the same bytes and counts as here, and never of another network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prefect import Task

from storage.features import frozen_key
from storage.settings import Settings
from storage.store import Store, open_store
from tasks.feature_shards import features_computed_by
from tasks.features import Gathered, gather_features
from tests.tasks.seeing import commit_squares, make_model
from xray_model.data.looks import AS_THEY_ARE, LUNGS_HIDDEN, AugmentedView, Look
from xray_model.errors import ConfigurationError, InvalidInput
from xray_model.network import network

BYTES = 2 * 6
"""Of the features of one image, of the model's six maps."""


@pytest.fixture
def rows(store: Store) -> pd.DataFrame:
    """Some of the images of two batches of one shard each, in no order and one of them twice."""
    frames = [commit_squares(store, name, images) for name, images in (("first", 30), ("second", 10))]
    return pd.concat(frames).sample(25, replace=True, random_state=0)


def run_here(task: Task[..., Any], calls: Sequence[Mapping[str, Any]], stage: str) -> list[Any]:
    """What a flow's runner does with the tasks of the shards, in this process."""
    assert "by shards" in stage
    return [task.fn(**call) for call in calls]


def gather(store: Store, rows: pd.DataFrame, look: Look) -> tuple[Gathered, dict[str, bytes]]:
    """Features of the rows, and every kept one, which is taken out of the store."""
    frozen, _ = network.split(make_model())
    found = gather_features(store, frozen, rows, "see images", look)
    keys = [info.key for info in store.objects.list("features/")]
    kept = {key: store.objects.get(key) for key in keys if key.endswith(".npy")}
    for key in keys:
        store.objects.delete(key)
    return found, kept


@pytest.mark.parametrize("look", [AS_THEY_ARE, AugmentedView(2), LUNGS_HIDDEN], ids=lambda look: look.mark)
@pytest.mark.parametrize("room", [10**9, 30 * BYTES + 5, 0], ids=["room for all", "for some", "for none"])
def test_it_comes_to_the_same(
    store: Store, rows: pd.DataFrame, look: Look, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features, counts and kept objects are those of one process, whatever the cache has room for."""
    monkeypatch.setenv("XRAY_FEATURE_BYTES", str(room))
    bounded = open_store(Settings())
    here, kept = gather(bounded, rows, look)
    with features_computed_by(run_here):
        there, theirs = gather(bounded, rows, look)
    assert np.array_equal(there.features, here.features)
    assert (there.computed, there.reused) == (here.computed, here.reused) == (25, 0)
    assert theirs == kept
    assert len(kept) == 0 if room == 0 else len(kept) >= 1


def test_what_is_kept_and_what_has_no_weights_is_asked_of_nobody(store: Store, rows: pd.DataFrame) -> None:
    """Of a shard that is there, and for a part that only prepares pixels, there is nothing to hand out."""
    frozen, _ = network.split(make_model())
    bare, _ = network.split(make_model(weights=False))
    gather_features(store, frozen, rows, "see images")
    with features_computed_by(lambda *_: pytest.fail("work was handed out")):
        assert gather_features(store, frozen, rows, "see images").computed == 0
        assert gather_features(store, bare, rows, "see images").computed == 25


def test_another_frozen_part_is_refused(store: Store, rows: pd.DataFrame, tmp_path: Path) -> None:
    """A worker that finds another network under the flow's key computes nothing with it."""
    frozen, _ = network.split(make_model())
    other, _ = network.split(make_model(weights=False))
    network.save(other, tmp_path / "other.keras")
    store.objects.put_file(frozen_key(network.fingerprint(frozen)), tmp_path / "other.keras")
    with features_computed_by(run_here), pytest.raises(InvalidInput, match="holds the frozen part"):
        gather_features(store, frozen, rows, "see images")


def test_another_store_is_refused(store: Store, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose XRAY_STORE is another one names both."""

    def run_there(task: Task[..., Any], calls: Sequence[Mapping[str, Any]], _: str) -> list[Any]:
        monkeypatch.setenv("XRAY_STORE", "file:///elsewhere")
        return [task.fn(**call) for call in calls]

    frozen, _ = network.split(make_model())
    with features_computed_by(run_there), pytest.raises(ConfigurationError, match="this worker has file:///elsewhere"):
        gather_features(store, frozen, rows, "see images")
