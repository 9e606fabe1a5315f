"""Models that need no TensorFlow: what each says of an image is told by its version and the image alone."""

import hashlib
import io
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from storage.champions import check_file
from tests.scoring import CLASSES, served_model
from xray_model.data.bounds import DEFAULTS, Bounds
from xray_model.errors import InvalidInput, RegistryUnavailable
from xray_model.evaluation.sight import Sight
from xray_model.outcomes import ServedModel

if TYPE_CHECKING:
    from xray_model.network.predictor import Predictor

SIDE = 64
PATIENCE = 20.0
Pixels = npt.NDArray[np.uint8]


def served(version: int) -> ServedModel:
    """A model whose file is `content(version)`."""
    return served_model(
        version=version,
        run_id=f"run{version}",
        snapshot_id=f"s{version}",
        model_sha256=hashlib.sha256(content(version)).hexdigest(),
        since=datetime(2026, 5, version, tzinfo=UTC),
    )


def content(version: int) -> bytes:
    """What stands for the file of a model."""
    return f"model {version}".encode()


def png(gray: int, side: int = SIDE) -> bytes:
    """A picture of one gray level, and a white corner, so that each level is another image."""
    pixels = np.full((side, side), gray, np.uint8)
    pixels[:8, :8] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def says(version: int, pixels: Pixels) -> float:
    """The probability of covid that a model gives an image [side, side]: no two models agree on one."""
    return float(np.float32(version / 10 + pixels.mean() / 2550))


@dataclass(frozen=True, slots=True)
class Said:
    """As `xray_model.network.predictor.Answers`."""

    probabilities: npt.NDArray[np.float32]
    predicted: npt.NDArray[np.object_]
    embedding: npt.NDArray[np.float32]


def answering() -> set[threading.Thread]:
    """The threads of this process in which models answer: another test's service may have some."""
    return {thread for thread in threading.enumerate() if "xray-answer" in thread.name}


@dataclass
class FakePredictor:
    """Answers by `says`; black pixels make it fail, and it may be held up."""

    version: int
    side: int = SIDE
    classes: tuple[str, ...] = CLASSES
    go: threading.Event = field(default_factory=threading.Event)
    warms: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    warm: list[int] = field(default_factory=list)

    def warm_up(self, sizes: Iterable[int]) -> None:
        """Notes which sizes were tried, and may be held up; version 8 fails on more than one image."""
        self.warm += sizes
        if self.version == 8 and self.warm[-1] > 1:
            raise MemoryError
        assert self.warm[-1] == 1 or self.warms.wait(PATIENCE)

    def answer(self, pixels: Pixels) -> Said:
        """Raises where an image is all but black."""
        assert self.go.wait(PATIENCE)
        self.batches.append(len(pixels))
        if (pixels[:, -1, -1] == 0).any():
            raise ValueError("black")
        covid = np.array([says(self.version, one) for one in pixels], np.float32)
        predicted = np.where(covid > 0.5, *CLASSES).astype(object)
        predicted[pixels[:, -1, -1] == 1] = None
        embedding = (pixels[:, -1, -3:] / 255).astype(np.float32)
        return Said(np.stack([covid, 1 - covid], axis=1), predicted, embedding)

    def explain(self, pixels: Pixels, class_name: str) -> npt.NDArray[np.float32]:
        """Its version, wherever it looks, for a class that it knows."""
        assert class_name in self.classes
        return np.full(pixels.shape, self.version / 10, np.float32)


class FakeSource:
    """A ledger and a registry that a test moves, and that can be down."""

    def __init__(self, champion: ServedModel | None) -> None:
        self.champion = champion
        self.ledger_down = self.registry_down = self.bounds_damaged = False
        self.answers = threading.Event()
        """Not set, the ledger keeps who asks waiting."""
        self.answers.set()
        self.predictors: dict[int, FakePredictor] = {}
        self.fetched: list[int] = []
        self.sight = Sight()
        self.sights: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.warms = threading.Event()
        """Not set, no model comes further than its first batch of more than one image."""
        self.warms.set()
        self.side = SIDE

    def find_champion(self) -> ServedModel | None:
        """The champion."""
        assert self.answers.wait(PATIENCE)
        if self.ledger_down:
            raise RegistryUnavailable("the ledger is down")
        return self.champion

    def load_bounds(self) -> Bounds:
        """Those that the pipeline starts with."""
        if self.bounds_damaged:
            raise InvalidInput("the bounds are damaged")
        return DEFAULTS

    def fetch(self, model: ServedModel, path: Path) -> None:
        """Its content, as the real one checks it."""
        if self.registry_down:
            raise RegistryUnavailable("the registry is down")
        self.fetched.append(model.version)
        path.write_bytes(content(model.version))
        check_file(path, model)

    def load(self, path: Path) -> "Predictor":
        """A predictor of its version; what is no model cannot be loaded."""
        version = int(path.read_bytes().removeprefix(b"model "))
        if version >= 9:
            raise ValueError("Keras knows no such layer")
        made = self.predictors[version] = FakePredictor(version, self.side, go=self.go, warms=self.warms)
        return cast("Predictor", made)

    def find_sight(self, model: ServedModel) -> Sight:
        """What the test has put there."""
        self.sights.append(model.version)
        return self.sight
