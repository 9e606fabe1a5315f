"""A real server of a console, the real service in it with a tiny model, and a program that asks it."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import uvicorn

from apps.console.access.limits import SignInLimit
from apps.console.access.people import People
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visitors import Role
from apps.console.app import create_app
from apps.console.patience import PatientProtocol
from apps.console.serving import listen
from apps.serving.service import PredictionService, ServiceLimits
from storage.registry import Registry
from storage.settings import Settings
from storage.store import open_store
from tests.apps.console.api.doubles import MODEL
from xray_model.data.bounds import DEFAULTS, Bounds
from xray_model.evaluation.sight import Sight
from xray_model.outcomes import ServedModel

if TYPE_CHECKING:
    from xray_model.network.predictor import Predictor


SIDE = 64
CLASSES = ("covid", "normal")


@dataclass(frozen=True)
class OneModel:
    """In place of ledger and registry: one model that is in service for ever."""

    file: Path
    model: ServedModel

    def find_champion(self) -> ServedModel:
        """It."""
        return self.model

    def load_bounds(self) -> Bounds:
        """Those that the pipeline starts with."""
        return DEFAULTS

    def fetch(self, model: ServedModel, path: Path) -> None:  # noqa: ARG002 - there is no other
        """A copy of its file."""
        shutil.copy(self.file, path)

    def load(self, path: Path) -> "Predictor":
        """It, in TensorFlow."""
        from xray_model.network.predictor import load_predictor

        return load_predictor(path)

    def find_sight(self, model: ServedModel) -> Sight:
        """It has no reference."""
        del model
        return Sight()


@contextmanager
def tiny_service(home: Path) -> Iterator[PredictionService]:
    """A real service that answers with an untrained network."""
    store, settings = open_store(Settings(home=home)), Settings(home=home)
    source = _save_model(home / "tiny.keras")
    service = PredictionService(store.objects, Registry(settings), SIDE, home, ServiceLimits(), source)
    service.start()
    try:
        while not service.state().ready:
            time.sleep(0.05)
        yield service
    finally:
        service.close()


def _save_model(path: Path) -> OneModel:
    from xray_model.network import network
    from xray_model.network.backbones import BACKBONES, Weights, build_parts

    backbone = BACKBONES["basic_cnn"]
    frozen = build_parts(backbone, SIDE, SIDE, Weights("none"), None).frozen
    head = network.build_head(backbone, frozen.output_shape[1:], CLASSES, dropout=0.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    sha256 = network.save(network.join(frozen, head), path)
    return OneModel(path, MODEL.model_copy(update={"model_sha256": sha256, "classes": CLASSES}))


@contextmanager
def served(home: Path, service: PredictionService) -> Iterator[httpx.Client]:
    """Serve a console with people in a home; gives a client that sends a viewer's token."""
    (listening,) = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    console = ConsoleSettings(folder=home / "console", hosts=frozenset({f"127.0.0.1:{port}"}), port=port)
    token = People(console.folder).add("Victor", Role.VIEWER)
    app = create_app(console, open_store(Settings(home=home)), service)
    app.state.access.limit = SignInLimit(clock=count(step=1_000).__next__)  # wrong tokens are tried, too
    server = uvicorn.Server(uvicorn.Config(app, http=PatientProtocol, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    headers = {"authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as program:
            yield program
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
