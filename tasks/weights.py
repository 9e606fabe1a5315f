"""Weights for a training, brought to this machine: a local path, an object of a store, or the model in service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from storage import ledger
from storage.aliases import find_run
from storage.objects import Objects, open_objects
from storage.registry import Registry
from storage.settings import Settings
from xray_model.config import TrainingOptions
from xray_model.errors import ObjectNotFound, WeightsError

if TYPE_CHECKING:
    from xray_model.network.backbones import Weights

_IN_STORE = "store:"
_ON_S3 = "s3://"
_NO_FILE = ("none", "imagenet")


def is_fetched(source: str) -> bool:
    """Whether the weights are copied to this machine, and are no file on it or Keras' own business."""
    from xray_model.network.backbones import CHAMPION

    return source == CHAMPION or source.startswith((_IN_STORE, _ON_S3))


@contextmanager
def fetch_weights(objects: Objects, options: TrainingOptions) -> Iterator["Weights"]:
    """The weights that the options name; a copy that was fetched lasts as long as the context.

    Args:
        objects: of this store, where `store:` keys and the ledger are.
        options: `weights` and `weights_sha256`.

    Raises:
        WeightsError: there is no such object, or no model in service.
    """
    from xray_model.network.backbones import CHAMPION, Weights

    source, sha256 = options.weights, options.weights_sha256
    if source == CHAMPION:
        entries = ledger.load_entries(objects)
        champion = ledger.champion_of(entries)
        if champion is None:
            raise WeightsError("there is no model in service to start from: take other weights for the first training")
        registry = Registry(Settings())
        with registry.model_file(find_run(entries, registry, champion.version)) as path:
            yield Weights(source, sha256, path)
    elif source.startswith((_IN_STORE, _ON_S3)):
        with TemporaryDirectory(prefix="xray-weights-") as folder:
            yield Weights(source, sha256, _fetch(objects, source, Path(folder)))
    else:
        yield Weights(source, sha256)


def pin_weights(objects: Objects, options: TrainingOptions) -> TrainingOptions:
    """The options with the sha256 of the weight file that they name: no other file at its place is trained from.

    `none` and `imagenet` name no file.

    Args:
        objects: as for `fetch_weights`.
        options: of a training.

    Raises:
        WeightsError: there is no such file, or it has another hash than the options say.
    """
    from xray_model.network.backbones.weights import check_file

    if options.weights in _NO_FILE:
        return options
    with fetch_weights(objects, options) as weights:
        digest = check_file(weights.file or Path(weights.source), weights)
    return options.model_copy(update={"weights_sha256": digest})


def _fetch(objects: Objects, source: str, folder: Path) -> Path:
    root, _, name = source.rpartition("/")
    if source.startswith(_ON_S3):
        objects, key = open_objects(root), name
    else:
        key = source.removeprefix(_IN_STORE)
    path = folder / name.removeprefix(_IN_STORE)
    try:
        objects.get_file(key, path)
    except ObjectNotFound as error:
        raise WeightsError(f"there are no weights {source}: put the file there, or give a local path") from error
    return path
