"""Features that Dask's workers compute are those of one machine, and all that is made of them is the same too."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from flows import monitor as monitor_flow
from flows.retrain import retrain
from flows.running import run_flow
from storage.objects import Objects
from storage.settings import LOCAL_DASK, Settings
from storage.shards import array_bytes, shard_key
from storage.store import Store
from tasks.promotion import Standing
from tests.flows.test_retrain import IMAGES, LENIENT, commit
from tests.servers.dask_cluster import dask_cluster
from tests.tasks.seeing import CHAMPION, CLASSES, commit_squares, make_model, monitor_against, put_snapshot
from xray_model.config import DriftPolicy, MonitorOptions, RetrainOptions, SnapshotOptions, TrainingOptions
from xray_model.errors import ConfigurationError
from xray_model.network import inference, network
from xray_model.outcomes import MonitorOutcome, RetrainOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")

SHARD = 20
OPTIONS = RetrainOptions(
    snapshot=SnapshotOptions(classes=CLASSES),
    training=TrainingOptions(backbone="mobilenet_v2", alpha=0.35, input_side=32, epochs=2, augmented_views=1),
    gate=LENIENT,
    force=True,
)


@pytest.fixture
def images(store: Store) -> Store:
    """A store whose catalog holds images of two classes in two shards."""
    gray = np.random.default_rng(0).integers(60, 200, (IMAGES, store.side, store.side))
    gray[1::2] //= 2
    for shard, start in enumerate(range(0, IMAGES, SHARD)):
        store.objects.put(shard_key("b1", shard), array_bytes(gray[start : start + SHARD].astype(np.uint8)))
    places = np.arange(IMAGES)
    commit(store, {"shard": places // SHARD, "row": places % SHARD})
    return store


@pytest.fixture
def champion(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in service with its snapshot, and a new batch; distances are measured without Evidently."""
    put_snapshot(store, commit_squares(store, "known", 80))
    commit_squares(store, "new", 40)
    network.save(make_model(), tmp_path / "model.keras")
    monitor_against(tmp_path / "model.keras", monkeypatch)
    monkeypatch.setattr(monitor_flow, "find_standing", lambda: Standing(champion=CHAMPION))
    monkeypatch.setattr(monitor_flow, "find_champion_run", lambda _: "run")
    monkeypatch.setattr(monitor_flow, "keep_history", lambda: None)


@contextmanager
def cluster_address(kind: str, folder: Path) -> Iterator[str]:
    """What XRAY_DASK says: `local`, or the scheduler of two workers with this process's store."""
    if kind == LOCAL_DASK:
        yield LOCAL_DASK
        return
    own = {name: value for name, value in os.environ.items() if name.startswith("XRAY_")}
    with dask_cluster(folder, {**own, "XRAY_STORE": Settings().store_url}) as started:
        yield started.address


@contextmanager
def by_workers(address: str) -> Iterator[None]:
    """XRAY_DASK names this cluster, and this process computes no feature."""

    def refuse(*_: object) -> None:
        raise AssertionError("features were computed in the flow's own process")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XRAY_DASK", address)
        patch.setattr(inference, "compute_features", refuse)
        yield


def take_features(objects: Objects) -> dict[str, bytes]:
    """Every kept feature, byte for byte, taken out of the store."""
    keys = [info.key for info in objects.list("features/")]
    found = {key: objects.get(key) for key in keys if key.endswith(".npy")}
    for key in keys:
        objects.delete(key)
    return found


def told(outcome: RetrainOutcome) -> dict[str, object]:
    """What a retraining came to, without what differs from run to run."""
    assert outcome.training is not None
    assert outcome.challenger is not None
    own = {"run_id", "seconds", "model_sha256"}
    return {
        "training": outcome.training.model_dump(exclude=own),
        "challenger": outcome.challenger.model_dump(exclude={"predictions_key"}),
    }


def last_predictions(store: Store, outcome: RetrainOutcome) -> bytes:
    """The table of the challenger's predictions."""
    assert outcome.challenger is not None
    return store.objects.get(outcome.challenger.predictions_key)


@pytest.mark.parametrize("kind", ["scheduler", pytest.param(LOCAL_DASK, marks=pytest.mark.slow)])
def test_a_training_is_the_same(images: Store, tmp_path: Path, kind: str) -> None:
    """Features of images, views and probes are byte for byte the same, and so are figures and predictions."""
    here = run_flow(retrain, OPTIONS)
    features = take_features(images.objects)
    with cluster_address(kind, tmp_path / "dask") as address, by_workers(address):
        there = run_flow(retrain, OPTIONS)
    assert len(features) >= 6  # of two shards as they are, of a view, and of the test images in two disguises
    assert take_features(images.objects) == features
    assert told(there) == told(here)
    assert last_predictions(images, there) == last_predictions(images, here)
    assert there.champion is not None


@pytest.mark.slow
def test_a_worker_that_dies_loses_nothing(images: Store, tmp_path: Path) -> None:
    """The features that a killed worker had in hand are computed by another, byte for byte the same."""
    here = run_flow(retrain, OPTIONS)
    features = take_features(images.objects)
    own = {name: value for name, value in os.environ.items() if name.startswith("XRAY_")}
    with dask_cluster(tmp_path / "dask", {**own, "XRAY_STORE": Settings().store_url}) as started:

        def kill_early() -> None:
            while not any(info.key.endswith(".npy") for info in images.objects.list("features/")):
                time.sleep(0.02)
            started.workers[0].kill()

        killer = threading.Thread(target=kill_early)
        killer.start()
        with by_workers(started.address):
            there = run_flow(retrain, OPTIONS)
        killer.join()
        assert started.workers[0].wait() < 0
    assert take_features(images.objects) == features
    assert told(there) == told(here)


@pytest.mark.usefixtures("images")
def test_what_is_kept_needs_no_cluster() -> None:
    """A training whose features are all there asks no scheduler, so it does not miss one that is down."""
    run_flow(retrain, OPTIONS)
    with by_workers("tcp://127.0.0.1:9"):
        outcome = run_flow(retrain, OPTIONS)
    assert outcome.training.features_computed == 0


@pytest.mark.usefixtures("images")
def test_no_scheduler_is_said() -> None:
    """Where features are missing and no scheduler answers, the run ends with the address and what to do."""
    with by_workers("tcp://127.0.0.1:9"), pytest.raises(ConfigurationError, match=r"answers at tcp://127\.0\.0\.1:9"):
        run_flow(retrain, OPTIONS)


@pytest.mark.slow
@pytest.mark.usefixtures("champion")
def test_a_drift_is_the_same(store: Store, tmp_path: Path) -> None:
    """Of reference and new images the features are byte for byte the same, and so is what is measured on them."""
    options = MonitorOptions(batches=("clinic.new.111111111111",), policy=DriftPolicy(permutations=200))

    def look() -> tuple[MonitorOutcome, dict[str, bytes]]:
        for info in list(store.objects.list("references/")):
            store.objects.delete(info.key)
        return run_flow(monitor_flow.monitor, options), take_features(store.objects)

    here, features = look()
    with cluster_address("scheduler", tmp_path / "dask") as address, by_workers(address):
        there, theirs = look()
    assert len(features) == 2
    assert theirs == features
    (first,), (second,) = here.drifts, there.drifts
    assert second.columns == first.columns
    assert (second.state, second.reasons) == (first.state, first.reasons)
