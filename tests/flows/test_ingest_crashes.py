"""An ingest that is killed at any moment and started again, or that runs beside another, ends as an undisturbed one."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.objects import Objects, open_objects
from storage.settings import Settings
from storage.store import open_store
from tests.flows.driving import IngestProcess, lasting_contents, only_landed
from tests.flows.landing import draw_batches, push_batches
from xray_model.config import IngestOptions
from xray_model.outcomes import BatchOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")

OPTIONS = IngestOptions(shard_size=16)
SEED = 20
MOST_IN_A_ROW = 3
"""Kills of one ingest before it is let run to its end."""
DAY = 24 * 3600.0
FULL = (pytest.mark.slow, pytest.mark.timeout(1800))
ON_S3 = (*FULL, pytest.mark.service)


@dataclass(frozen=True)
class Undisturbed:
    """A store with batches in its landing zone, and what one ingest alone makes of them."""

    store: Objects
    contents: dict[str, bytes]
    told: tuple[BatchOutcome, ...]
    seconds: float


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Four drawn batches, and how many images they hold."""
    folder = tmp_path_factory.mktemp("drawn")
    return folder, draw_batches(folder, patients=30)


@pytest.fixture
def undisturbed(
    home: Path, drawn: tuple[Path, int], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Undisturbed:
    """What an ingest alone comes to, in a directory (`file`) or in a bucket (`s3`)."""
    if request.param == "s3":
        new_bucket_url: Callable[[], str] = request.getfixturevalue("new_bucket_url")
        monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    folder, images = drawn
    push_batches(folder)
    store = open_store(Settings()).objects
    only_landed()
    process = IngestProcess(OPTIONS)
    began = time.monotonic()
    told = process.result()
    found = Undisturbed(store, lasting_contents(store), told, time.monotonic() - began)
    assert sum(batch.read for batch in told) == images
    assert sum(batch.quarantined for batch in told) >= 2
    assert_nothing_is_left(store)
    return found


@pytest.mark.parametrize(
    ("undisturbed", "kills"),
    [("file", 4), pytest.param("file", 50, marks=FULL), pytest.param("s3", 50, marks=ON_S3)],
    indirect=["undisturbed"],
)
def test_killed_at_random_moments(undisturbed: Undisturbed, kills: int) -> None:
    """Killed by SIGKILL and started again until it ends: the catalog and every shard are those of a run left alone."""
    chance = random.Random(SEED)
    print(f"\nseed {SEED}; undisturbed {undisturbed.seconds:.1f} s, {len(undisturbed.contents)} objects")
    killed = ended = 0
    states = set()
    while killed < kills:
        only_landed()
        for _ in range(min(MOST_IN_A_ROW, kills - killed)):
            moment = chance.uniform(0.0, undisturbed.seconds)
            if not IngestProcess(OPTIONS).kill_at(moment):
                break
            killed += 1
            states.add(state := how_far(undisturbed.store))
            print(f"kill {killed:2} after {moment:5.2f} s: {state}")
        IngestProcess(OPTIONS).result()
        ended += 1
        assert_same(lasting_contents(undisturbed.store), undisturbed.contents)
        assert_nothing_is_left(undisturbed.store)
    print(f"{killed} kills in {len(states)} different states, {ended} runs ended, each as the undisturbed one")
    assert len(states) > 1


@pytest.mark.parametrize(
    ("undisturbed", "rounds"),
    [("file", 1), pytest.param("file", 10, marks=FULL), pytest.param("s3", 5, marks=ON_S3)],
    indirect=["undisturbed"],
)
def test_two_processes_at_once(undisturbed: Undisturbed, rounds: int) -> None:
    """Two processes that ingest the same store at once leave it as one alone does, and tell the same of each batch."""
    chance = random.Random(SEED)
    for _ in range(rounds):
        only_landed()
        first = IngestProcess(OPTIONS)
        time.sleep(chance.uniform(0.0, undisturbed.seconds / 4))
        second = IngestProcess(OPTIONS)
        told = {batch.batch_id: batch for batch in undisturbed.told}
        for batch in (*first.result(), *second.result()):
            assert batch == told[batch.batch_id]
        assert_same(lasting_contents(undisturbed.store), undisturbed.contents)
        assert_nothing_is_left(undisturbed.store)


@pytest.mark.parametrize(("undisturbed", "rounds"), [pytest.param("file", 10, marks=FULL)], indirect=["undisturbed"])
def test_one_of_two_is_killed(undisturbed: Undisturbed, rounds: int) -> None:
    """Of two at once one is killed: the other ends as one alone, and the next run clears up behind the dead one."""
    chance = random.Random(SEED)
    for _ in range(rounds):
        only_landed()
        first, second = IngestProcess(OPTIONS), IngestProcess(OPTIONS)
        first.kill_at(chance.uniform(0.0, 2 * undisturbed.seconds))
        second.result()
        assert_same(lasting_contents(undisturbed.store), undisturbed.contents)
        assert IngestProcess(OPTIONS).result() == ()
        assert_nothing_is_left(undisturbed.store)


def assert_same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Objects are equal by key and byte; says which are not, without their content."""
    assert sorted(found) == sorted(expected)
    assert [key for key in expected if found[key] != expected[key]] == []


def assert_nothing_is_left(store: Objects) -> None:
    """No staged file, nothing unpacked, and no temporary file once a day has passed."""
    assert [info.key for info in store.list("staging/")] == []
    assert [path for path in open_store(Settings()).spool.rglob("*") if path.is_file()] == []
    if store.url.startswith("file:"):
        temporary = Path(store.url.removeprefix("file://")) / ".xray-tmp"
        for path in temporary.iterdir():
            os.utime(path, (time.time() - 2 * DAY,) * 2)
        open_objects(store.url)
        assert list(temporary.iterdir()) == []


def how_far(store: Objects) -> str:
    """How far an ingest has come, by what lies in the store."""
    count = {prefix: sum(1 for _ in store.list(f"{prefix}/")) for prefix in ("catalog", "shards", "staging")}
    return f"{count['catalog']} batches committed, {count['shards']} shards, {count['staging']} files staged"
