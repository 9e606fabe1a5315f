"""With real models, a real ledger and MLflow: a promotion under load, and the day on which both are gone."""

import asyncio
import io
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from apps.serving.service import Answered, PredictionService, ServiceLimits
from storage.objects.local import LocalObjects
from storage.registry import Registry
from storage.settings import Settings
from storage.store import Store, open_store
from tests.promoting import CLASSES, RealModel, promote, register_model
from xray_model.errors import StoreUnavailable

SIDE = 64
PATIENCE = 60.0
FIRST, SECOND = 7, 8
"""Versions: what the registry's fixture holds comes before."""


@pytest.fixture
def small_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of small pictures."""
    monkeypatch.setenv("XRAY_SIDE", str(SIDE))
    return open_store(Settings())


@pytest.fixture
def models(small_store: Store, registry: Registry, tmp_path: Path) -> dict[int, RealModel]:
    """Two models that contradict each other, by their versions; the first one is in service."""
    made = [register_model(registry, tmp_path, seed=version, side=SIDE) for version in (FIRST, SECOND)]
    promote(small_store.objects, made[0])
    return {model.version: model for model in made}


@contextmanager
def serving(store: Store, version: int) -> Iterator[PredictionService]:
    """A service that this version answers in."""
    service = PredictionService(
        store.objects, Registry(Settings()), SIDE, Settings().home, ServiceLimits(poll_seconds=0.1)
    )
    service.start()
    try:
        wait_for(service, version)
        yield service
    finally:
        service.close()


def wait_for(service: PredictionService, version: int) -> None:
    """Wait until a version answers."""
    end = time.monotonic() + PATIENCE
    while (model := service.state().model) is None or model.version != version:
        assert time.monotonic() < end, service.state()
        time.sleep(0.02)


def picture(seed: int) -> bytes:
    """Noise."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def ask(service: PredictionService, seed: int) -> Answered:
    """The answer to a picture."""
    (answer,) = asyncio.run(service.answer([picture(seed)]))
    assert isinstance(answer, Answered)
    return answer


def known(models: dict[int, RealModel], seeds: int) -> dict[int, npt.NDArray[np.float32]]:
    """What each model says of the pictures, asked by itself: [pictures, classes]."""
    from xray_model.data.examining import examine_image
    from xray_model.network.predictor import load_predictor

    pixels = np.stack([examine_image(picture(seed), SIDE).pixels for seed in range(seeds)])
    return {version: load_predictor(model.path).answer(pixels).probabilities for version, model in models.items()}


def test_a_promotion_under_load_loses_nothing(small_store: Store, models: dict[int, RealModel]) -> None:
    """Every request is answered, and truly by the model that it names: the new one's answers are not the old one's."""
    said = known(models, 6)
    assert np.abs(said[FIRST] - said[SECOND]).max(axis=1).min() > 0.01
    stop = threading.Event()

    def keep_asking(seed: int) -> list[int]:
        versions = []
        while not stop.is_set():
            answer = ask(service, seed)
            found = [answer.prediction.probabilities[label] for label in CLASSES]
            np.testing.assert_allclose(found, said[answer.model.version][seed], atol=1e-5)
            assert answer.prediction.version == answer.model.version
            versions.append(answer.model.version)
        return versions

    with serving(small_store, FIRST) as service, ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(keep_asking, seed) for seed in range(6)]
        time.sleep(0.5)
        promote(small_store.objects, models[SECOND])
        wait_for(service, SECOND)
        time.sleep(0.5)
        stop.set()
        for client in clients:
            versions = client.result(PATIENCE)
            assert (versions[0], versions[-1]) == (FIRST, SECOND)
            assert versions == sorted(versions)


def test_store_and_registry_are_gone(
    small_store: Store, models: dict[int, RealModel], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started without either, the service answers with the last model it had, and says since when it is unsure."""
    with serving(small_store, FIRST) as service:
        before = ask(service, 1)
        assert service.state().reason is None
    (home / "mlflow.db").unlink()
    shutil.rmtree(models[FIRST].path.parent)

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(LocalObjects, "list", gone)
    with serving(small_store, FIRST) as service:
        after = ask(service, 1)
        state = service.state()
    assert after.prediction == before.prediction
    assert state.ready
    assert state.unsure_since is not None
    assert "the store does not answer" in (state.reason or "")
