"""The model that answers, and its way to the workers: through the store, for they may know no registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.champions import check_file, fetch_model, find_champion, find_version
from storage.objects import Objects
from storage.registry import Registry
from storage.scoring.parts import model_key
from xray_model.errors import InvalidInput
from xray_model.outcomes import ServedModel


def choose_model(objects: Objects, registry: Registry, version: int | None) -> ServedModel:
    """The model of a version, or the one in service.

    Raises:
        InvalidInput: there is none.
        RegistryUnavailable: the registry does not answer.
    """
    if version is not None:
        return find_version(objects, registry, version)
    champion = find_champion(objects, registry)
    if champion is None:
        raise InvalidInput(
            "no model is in service: `xray nightly` trains one; `xray models` lists those there are, and --version "
            "names one of them"
        )
    return champion


@contextmanager
def copy_model(registry: Registry, model: ServedModel) -> Iterator[Path]:
    """A checked copy of a model's file for as long as the context lasts."""
    with TemporaryDirectory(prefix="xray-model-") as folder:
        path = Path(folder) / "model.keras"
        fetch_model(registry, model, path)
        yield path


def publish_model(objects: Objects, registry: Registry, model: ServedModel) -> None:
    """Put a model's file into the store, once."""
    key = model_key(model)
    if objects.exists(key):
        return
    with copy_model(registry, model) as path:
        objects.put_file(key, path)


@contextmanager
def published_model(objects: Objects, model: ServedModel) -> Iterator[Path]:
    """A checked copy of what was published for as long as the context lasts.

    Raises:
        InvalidInput: the store holds another file.
        ObjectNotFound: it was removed.
    """
    with TemporaryDirectory(prefix="xray-model-") as folder:
        path = Path(folder) / "model.keras"
        objects.get_file(model_key(model), path)
        check_file(path, model)
        yield path
