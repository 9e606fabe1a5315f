"""A real console that predicts, on the day on which its model changes twice, and on the day on which its sources go."""

import io
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from storage.objects import Objects
from storage.promotion import roll_back
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from tests.promoting import CLASSES, RealModel, promote, register_model
from tests.servers.console import console_server
from tests.servers.prefect_service import wait_for
from xray_model.data.examining import examine_image

pytestmark = pytest.mark.service

SIDE = 64
CLIENTS = 8


def picture(seed: int) -> bytes:
    """Noise."""
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)).save(data, "png")
    return data.getvalue()


PICTURES = [picture(seed) for seed in range(CLIENTS)]


@pytest.fixture
def objects(home: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """A store of small pictures."""
    monkeypatch.setenv("XRAY_SIDE", str(SIDE))
    return open_store(Settings()).objects


@pytest.fixture
def models(objects: Objects, registry: Registry, tmp_path: Path) -> list[RealModel]:
    """Two models that contradict each other; the first one is in service."""
    made = [register_model(registry, tmp_path, seed=seed, side=SIDE) for seed in (1, 2)]
    promote(objects, made[0])
    return made


@pytest.fixture
def console(models: list[RealModel], tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a console that predicts."""
    with console_server(tmp_path / "console.log") as address, httpx.Client(base_url=address, timeout=60) as client:
        wait_for("a model", lambda: client.get("/v1/ready").status_code == 200)
        yield client


def known(model: RealModel) -> npt.NDArray[np.float32]:
    """What a model says of the pictures, asked by itself: [pictures, classes]."""
    from xray_model.network.predictor import load_predictor

    pixels = np.stack([examine_image(one, SIDE).pixels for one in PICTURES])
    return load_predictor(model.path).answer(pixels).probabilities


def ask(client: httpx.Client, *numbers: int) -> dict[str, Any]:
    """The answer to some of the pictures."""
    answer = client.post("/v1/predict", files=[("image", PICTURES[number]) for number in numbers])
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def probabilities(said: dict[str, Any]) -> list[list[float]]:
    """Of all images of an answer: [images, classes]."""
    return [[one["probabilities"][name] for name in CLASSES] for one in said["predictions"]]


class Crowd:
    """Clients that never stop asking, and check every answer."""

    def __init__(self, address: str, models: list[RealModel]) -> None:
        self._address, self._said = address, {model.version: known(model) for model in models}
        self.versions: list[list[int]] = [[] for _ in range(CLIENTS)]
        """Of each client: which model answered, time after time."""
        self.stop = threading.Event()
        first, second = self._said.values()
        assert np.abs(first - second).max(axis=1).min() > 0.01

    def keep_asking(self, number: int) -> None:
        """One client: two pictures at a time, until it is stopped."""
        numbers = [number, (number + 1) % CLIENTS]
        with httpx.Client(base_url=self._address, timeout=60) as client:
            while not self.stop.is_set():
                said = ask(client, *numbers)
                version = said["model"]["version"]
                np.testing.assert_allclose(probabilities(said), self._said[version][numbers], rtol=0, atol=1e-5)
                assert {one["version"] for one in said["predictions"]} == {version}
                self.versions[number].append(version)

    def has_asked(self, version: int, times: int) -> bool:
        """Whether each client has had so many answers of a model since another answered it; or one gave up."""
        return self.stop.is_set() or all(
            one[-times:] == [version] * times and len(one) >= times for one in self.versions
        )


@pytest.mark.parametrize("times", [10, pytest.param(250, marks=pytest.mark.slow)])
def test_the_model_changes_twice_in_a_crowd(
    times: int, console: httpx.Client, objects: Objects, registry: Registry, models: list[RealModel]
) -> None:
    """A promotion and a rollback fail no request, and every answer is truly that of the model which it names."""
    first, second = models
    crowd = Crowd(str(console.base_url), models)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(crowd.keep_asking, number) for number in range(CLIENTS)]
        for client in clients:
            client.add_done_callback(lambda _: crowd.stop.set())
        begun = time.monotonic()
        try:
            wait_for("the first model", lambda: crowd.has_asked(first.version, times), 300)
            promote(objects, second)
            wait_for("the second model", lambda: crowd.has_asked(second.version, times), 300)
            roll_back(objects, registry, first.version, who="ada", why="it was better")
            wait_for("the first model again", lambda: crowd.has_asked(first.version, times), 300)
        finally:
            crowd.stop.set()
        for client in clients:
            client.result(60)
    for versions in crowd.versions:
        assert [version for version, _ in groupby(versions)] == [first.version, second.version, first.version]
    print(f"{sum(map(len, crowd.versions))} answers in {time.monotonic() - begun:.0f} s, none failed")


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """An SQLite database that answers nobody, as while a backup or a hung writer holds it.

    Moved away or deleted it would go on answering those who have it open, as MLflow's pool has.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        yield


def test_registry_and_store_go_in_mid_service(
    console: httpx.Client, objects: Objects, home: Path, models: list[RealModel]
) -> None:
    """Without MLflow's database a promotion waits, without the store too; the last good model answers, and says so."""
    second = models[1]
    before = ask(console, 0)
    assert console.get("/v1/model").json()["unsure_since"] is None
    with locked(home / "mlflow.db"):
        promote(objects, second)
        unsure = wait_for("doubt about the registry", lambda: _doubt(console))
        assert ask(console, 0) == before
        assert _doubt(console) == unsure, "since when it is unsure moves on"
    wait_for("the second model", lambda: console.get("/v1/model").json()["model"]["version"] == second.version)
    after = ask(console, 0)
    assert after["model"]["version"] == second.version

    (home / "store").rename(home / "store.away")
    assert wait_for("doubt about the store", lambda: _doubt(console)) > unsure
    assert ask(console, 0) == after
    (home / "store.away").rename(home / "store")
    wait_for("certainty", lambda: _doubt(console) is None)
    assert ask(console, 0) == after


def _doubt(console: httpx.Client) -> Any:
    """Since when the console is unsure of its model."""
    return console.get("/v1/model").raise_for_status().json()["unsure_since"]
