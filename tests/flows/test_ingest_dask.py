"""An ingest whose shards are decoded by the workers of a Dask cluster comes to the same as one in threads."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.ingest import ingest
from flows.running import run_flow
from storage.settings import LOCAL_DASK, Settings
from storage.store import open_store
from tests.flows.driving import lasting_contents, only_landed
from tests.flows.landing import draw_batches, push_batches
from tests.servers.dask_cluster import DaskCluster, dask_cluster
from xray_model.config import IngestOptions
from xray_model.errors import ConfigurationError
from xray_model.outcomes import BatchStatus

pytestmark = pytest.mark.usefixtures("prefect_server")

SHARDS = 8


@pytest.fixture
def landed(home: Path, tmp_path: Path) -> Path:
    """The home of a store in whose landing zone drawn batches lie."""
    draw_batches(tmp_path / "drawn", patients=24)
    push_batches(tmp_path / "drawn")
    return tmp_path


@pytest.fixture
def cluster(landed: Path) -> Iterator[DaskCluster]:
    """Two workers that have this process's store."""
    own = {name: value for name, value in os.environ.items() if name.startswith("XRAY_")}
    with dask_cluster(landed / "dask", {**own, "XRAY_STORE": Settings().store_url}) as started:
        yield started


def test_workers_and_threads_come_to_the_same(cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalog and shards are byte for byte those of an ingest in this process, whether XRAY_DASK or the run says so."""
    store = open_store(Settings()).objects
    run_flow(ingest, IngestOptions(shard_size=SHARDS))
    here = lasting_contents(store)
    only_landed()
    run_flow(ingest, IngestOptions(shard_size=SHARDS, dask=cluster.address))
    assert lasting_contents(store) == here
    only_landed()
    monkeypatch.setenv("XRAY_DASK", cluster.address)
    run_flow(ingest, IngestOptions(shard_size=SHARDS))
    assert lasting_contents(store) == here


@pytest.mark.usefixtures("landed")
def test_processes_of_this_machine_come_to_the_same() -> None:
    """A cluster that the flow starts and ends itself leaves the same bytes."""
    store = open_store(Settings()).objects
    run_flow(ingest, IngestOptions(shard_size=SHARDS))
    here = lasting_contents(store)
    only_landed()
    run_flow(ingest, IngestOptions(shard_size=SHARDS, dask=LOCAL_DASK))
    assert lasting_contents(store) == here


def test_a_worker_that_dies_loses_nothing(cluster: DaskCluster) -> None:
    """What a killed worker had in hand is done by another, and the catalog is the same."""
    store = open_store(Settings()).objects
    told = run_flow(ingest, IngestOptions(shard_size=SHARDS))
    here = lasting_contents(store)
    only_landed()

    def kill_early() -> None:
        while not any(store.list("shards/")):
            time.sleep(0.02)
        cluster.workers[0].kill()

    killer = threading.Thread(target=kill_early)
    killer.start()
    again = run_flow(ingest, IngestOptions(shard_size=SHARDS, dask=cluster.address))
    killer.join()
    assert cluster.workers[0].wait() < 0
    assert [batch.accepted for batch in again] == [batch.accepted for batch in told]
    assert lasting_contents(store) == here


def test_a_worker_with_another_store_is_refused(landed: Path) -> None:
    """A worker whose XRAY_STORE is another one writes nothing there, and the reason names both."""
    other = (landed / "elsewhere").as_uri()
    with dask_cluster(landed / "dask", {"XRAY_STORE": other}, workers=1) as started:
        told = run_flow(ingest, IngestOptions(shard_size=SHARDS, dask=started.address))
    assert {batch.status for batch in told} == {BatchStatus.FAILED}
    assert all(other in batch.reasons[0] and Settings().store_url in batch.reasons[0] for batch in told)
    assert not (landed / "elsewhere").exists()


@pytest.mark.usefixtures("landed")
def test_no_scheduler_is_said() -> None:
    """Where no scheduler answers, the run ends with the address and what to do, and nothing is lost."""
    with pytest.raises(ConfigurationError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_flow(ingest, IngestOptions(dask="tcp://127.0.0.1:9"))
    assert all(batch.accepted for batch in run_flow(ingest, IngestOptions()))
