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
from storage.registry import MODEL_FILE, Registry
from storage.settings import Settings
from storage.store import Store, open_store
from tests.registering import evaluation
from tests.storage.entries import gate, write_ledger
from xray_model.errors import StoreUnavailable

SIDE = 64
PATIENCE = 60.0
CLASSES = ("covid", "normal")
FIRST, SECOND = 7, 8
"""Versions: what the registry's fixture holds comes before."""


@pytest.fixture
def small_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of small pictures."""
    monkeypatch.setenv("XRAY_SIDE", str(SIDE))
    return open_store(Settings())


@pytest.fixture
def promoted(small_store: Store, registry: Registry, tmp_path: Path) -> dict[int, Path]:
    """Two models that contradict each other, by their versions; the first one is in service."""
    from xray_model.network import network
    from xray_model.network.backbones import BACKBONES, Weights, build_parts

    files = {}
    for version in (FIRST, SECOND):
        backbone = BACKBONES["basic_cnn"]
        frozen = build_parts(backbone, SIDE, SIDE, Weights("none"), None).frozen
        head = network.build_head(backbone, frozen.output_shape[1:], CLASSES, dropout=0.0)
        scores = head.get_layer("scores")
        scores.kernel.assign(np.random.default_rng(version).normal(size=scores.kernel.shape))
        path = tmp_path / str(version) / MODEL_FILE
        path.parent.mkdir()
        sha256 = network.save(network.join(frozen, head), path)
        client = registry._client()
        run_id = client.create_run(registry._experiment(client)).info.run_id
        client.log_artifact(run_id, str(path))
        assert registry.register(run_id, evaluation()) == version
        files[version] = path
        entry = gate(version - FIRST, version, None if version == FIRST else FIRST)
        (tmp_path / f"{version}.json").write_text(
            entry.model_copy(update={"run_id": run_id, "model_sha256": sha256}).model_dump_json()
        )
    promote(small_store, tmp_path, FIRST)
    return files


def promote(store: Store, folder: Path, version: int) -> None:
    """Let the gate put a version in service."""
    from storage.ledger import GateEntry

    write_ledger(store.objects, GateEntry.model_validate_json((folder / f"{version}.json").read_bytes()))


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


def known(files: dict[int, Path], seeds: int) -> dict[int, npt.NDArray[np.float32]]:
    """What each model says of the pictures, asked by itself: [pictures, classes]."""
    from xray_model.data.examining import examine_image
    from xray_model.network.predictor import load_predictor

    pixels = np.stack([examine_image(picture(seed), SIDE).pixels for seed in range(seeds)])
    return {version: load_predictor(path).answer(pixels).probabilities for version, path in files.items()}


def test_a_promotion_under_load_loses_nothing(small_store: Store, promoted: dict[int, Path], tmp_path: Path) -> None:
    """Every request is answered, and truly by the model that it names: the new one's answers are not the old one's."""
    said = known(promoted, 6)
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
        promote(small_store, tmp_path, SECOND)
        wait_for(service, SECOND)
        time.sleep(0.5)
        stop.set()
        for client in clients:
            versions = client.result(PATIENCE)
            assert (versions[0], versions[-1]) == (FIRST, SECOND)
            assert versions == sorted(versions)


def test_store_and_registry_are_gone(
    small_store: Store, promoted: dict[int, Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started without either, the service answers with the last model it had, and says since when it is unsure."""
    with serving(small_store, FIRST) as service:
        before = ask(service, 1)
        assert service.state().reason is None
    (home / "mlflow.db").unlink()
    shutil.rmtree(promoted[FIRST].parent)

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
