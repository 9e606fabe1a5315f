"""Where the service has its model from: the ledger, the registry, and the reference in the store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from storage import bounds, ledger
from storage.champions import fetch_model, find_champion
from storage.objects import Objects
from storage.references import PREFIX
from storage.registry import Registry
from storage.sights import find_sight
from xray_model.data.bounds import Bounds
from xray_model.evaluation.sight import Sight
from xray_model.outcomes import ServedModel

if TYPE_CHECKING:
    from xray_model.network.predictor import Predictor

Found = TypeVar("Found")


class ModelSource(Protocol):
    """What the keeper of the champion asks; each raises an XrayError, and the loading of a model whatever it likes."""

    def find_champion(self) -> ServedModel | None:
        """The model in service; None before the first promotion."""
        ...

    def load_bounds(self) -> Bounds:
        """The bounds in force that pictures are judged by."""
        ...

    def fetch(self, model: ServedModel, path: Path) -> None:
        """Put a model's file at a path, whole and checked or not at all."""
        ...

    def load(self, path: Path) -> "Predictor":
        """The predictor of a file."""
        ...

    def find_sight(self, model: ServedModel) -> Sight:
        """What is known of the images that the model was trained on."""
        ...


class StoreSource:
    """The real one. What lists as it did is not read again."""

    def __init__(self, objects: Objects, registry: Registry) -> None:
        self._objects, self._registry = objects, registry
        self._champion = _Unchanged(objects, ledger.PREFIX, lambda: find_champion(objects, registry))
        self._bounds = _Unchanged(objects, bounds.PREFIX, lambda: bounds.load_bounds(objects).bounds)
        self._sight: tuple[ServedModel, _Unchanged[Sight]] | None = None

    def find_champion(self) -> ServedModel | None:
        """See `ModelSource`; raises as `storage.champions.find_champion`."""
        return self._champion.find()

    def load_bounds(self) -> Bounds:
        """See `ModelSource`; raises as `storage.bounds.load_bounds`."""
        return self._bounds.find()

    def fetch(self, model: ServedModel, path: Path) -> None:
        """See `ModelSource`; raises as `storage.champions.fetch_model`."""
        fetch_model(self._registry, model, path)

    def load(self, path: Path) -> "Predictor":
        """See `ModelSource`. TensorFlow is imported by the first call."""
        from xray_model.network.predictor import load_predictor

        return load_predictor(path)

    def find_sight(self, model: ServedModel) -> Sight:
        """See `ModelSource`."""
        objects = self._objects
        if self._sight is None or self._sight[0] != model:
            known = _Unchanged(objects, f"{PREFIX}{model.run_id}/", lambda: find_sight(objects, model))
            self._sight = model, known
        return self._sight[1].find()


class _Unchanged(Generic[Found]):
    """What append-only objects come to, read again where their listing is another."""

    def __init__(self, objects: Objects, prefix: str, read: Callable[[], Found]) -> None:
        self._objects, self._prefix, self._read = objects, prefix, read
        self._kept: tuple[list[tuple[str, str]], Found] | None = None

    def find(self) -> Found:
        listed = [(info.key, info.etag) for info in self._objects.list(self._prefix)]
        if self._kept is None or self._kept[0] != listed:
            self._kept = listed, self._read()
        return self._kept[1]
