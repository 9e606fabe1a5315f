"""Where a backbone's weights come from, and whether they are what they should be. Never silently random ones."""

import hashlib
import os
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import h5py
import keras
import numpy as np
import numpy.typing as npt

from xray_model.errors import WeightsError
from xray_model.network.backbones.builders import Build
from xray_model.network.backbones.presets import say_how_to_bring_preset
from xray_model.network.backbones.registry import Backbone

CHAMPION = "champion"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a backbone's weights come from."""

    source: str
    """`none`, `imagenet`, `champion` (the model in service), the path of a weight file, or what `file` was got from."""
    sha256: str | None = None
    """Expected hash of the file."""
    file: Path | None = None
    """Local file, where the source is the model in service or an object of a store."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which weights a network has."""

    words: str
    sha256: str | None = None
    """Of the file they came from, all 64 digits; None where there was none."""


def build_network(backbone: Backbone, side: int, weights: Weights) -> tuple[keras.Model | None, Origin]:
    """The pretrained part of a backbone, None where it has none, and which weights it has.

    All sources but `champion`.

    Raises:
        WeightsError: the weights are missing, cannot be fetched, have another hash, or do not fit.
    """
    if backbone.build is None:
        if weights.source != "none":
            raise WeightsError(
                f"{backbone.name} is trained from the start and takes no weights: leave out {weights.source}"
            )
        return None, Origin("random, trained from the start")
    if weights.source == "none":
        return backbone.build(side, backbone.width, None), _expect(Origin("random, none loaded"), weights)
    if weights.source == "imagenet":
        network, origin = _build_imagenet(backbone, backbone.build, side)
        return network, _expect(origin, weights)
    path = weights.file or Path(weights.source)
    words = f"file {path.name}" if weights.file is None else weights.source
    digest = check_file(path, weights)
    network = backbone.build(side, backbone.width, None)
    _load(network, path, backbone, side)
    return network, Origin(f"{words}, sha256 {digest[:16]}", digest)


def imagenet_path(backbone: Backbone, side: int) -> Path:
    """Where Keras keeps the file with a backbone's ImageNet weights, and looks for it before it downloads anything."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()
    if not os.access(home, os.W_OK):
        home = Path("/tmp" if Path("/tmp").is_dir() else gettempdir(), ".keras")  # noqa: S108  as Keras does
    return home / "models" / backbone.imagenet_name(side)


def say_how_to_bring(backbone: Backbone, side: int) -> str:
    """What to do for a backbone's ImageNet weights on a machine without internet."""
    if not backbone.imagenet_file:
        return say_how_to_bring_preset()
    path = imagenet_path(backbone, side)
    return f"put {path.name} into {path.parent}, or give its path with --weights"


def check_file(path: Path, weights: Weights) -> str:
    """The sha256 of a weight file.

    Raises:
        WeightsError: it is not there, or has another hash than expected.
    """
    if not path.is_file():
        raise WeightsError(
            f"there is no weight file {path.name} where --weights says: give the path of a .weights.h5 file, "
            "`imagenet` to download, or `none` for random weights"
        )
    found = _hash(path)
    if weights.sha256 is not None and found != weights.sha256:
        raise WeightsError(f"{path.name} has the sha256 {found}, expected {weights.sha256}: fetch the file again")
    return found


def _expect(origin: Origin, weights: Weights) -> Origin:
    if weights.sha256 is not None and origin.sha256 != weights.sha256:
        raise WeightsError(
            f"the weights `{weights.source}` have the sha256 {origin.sha256 or 'of no file'}, "
            f"expected {weights.sha256}: leave the hash out, or give the file it is of"
        )
    return origin


def _build_imagenet(backbone: Backbone, build: Build, side: int) -> tuple[keras.Model, Origin]:
    try:
        network = build(side, backbone.width, "imagenet")
    except WeightsError:
        raise
    except Exception as error:
        # Keras raises a bare Exception where a download fails, and keras-hub whatever its hosts do.
        raise WeightsError(
            f"the ImageNet weights of {backbone.name} could not be downloaded or do not fit ({type(error).__name__}): "
            f"on a machine without internet {say_how_to_bring(backbone, side)}; `xray doctor` says what is there"
        ) from error
    if not backbone.imagenet_file:
        return network, Origin("ImageNet, a preset of keras-hub")
    file = imagenet_path(backbone, side)
    if not file.is_file():
        words = f"ImageNet by Keras, file {file.name}, sha256 unknown: the file is not where Keras keeps its models"
        return network, Origin(words)
    digest = _hash(file)
    return network, Origin(f"ImageNet by Keras, file {file.name}, sha256 {digest[:16]}", digest)


def _load(network: keras.Model, path: Path, backbone: Backbone, side: int) -> None:
    """Load a `.weights.h5` file of Keras 3, or an `.h5` of Keras 2 as its applications are published."""
    with path.open("rb") as file:
        beginning = file.read(len(_HDF5))
    if beginning != _HDF5:
        raise WeightsError(
            f"{path.name} is no HDF5 file (it begins with {beginning!r}), so its weights do not fit {backbone.name}: "
            "a page may have been saved in its place; fetch the file again"
        )
    if path.suffix != ".h5":
        raise WeightsError(f"{path.name} is not named as Keras wants: .weights.h5, or .h5 as applications have it")
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers it finds nothing for, and of others too; what was loaded is compared below.
            warnings.simplefilter("ignore", UserWarning)
            network.load_weights(path)
        held = _count_arrays_of(path)
    except (ValueError, OSError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"the weights {path.name} cannot be read or do not fit {backbone.name} at side {side}: take the file made "
            "for this backbone, without its top, and fetch it again if it is cut short"
        ) from error
    if held != Counter(map(_mark, network.get_weights())):
        raise WeightsError(
            f"{path.name} holds {held.total()} arrays of weights, which do not fit the {len(network.weights)} of "
            f"{backbone.name} at side {side} one by one: take the file made for this backbone, without its top"
        )


def _count_arrays_of(path: Path) -> Counter[str]:
    """The arrays of weights in a file by their mark, without an optimiser's and the state of random layers."""
    found: Counter[str] = Counter()

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and "seed_generator" not in name and not name.startswith("optimizer"):
            found[_mark(item[()])] += 1

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _mark(array: npt.ArrayLike) -> str:
    values = np.ascontiguousarray(array, dtype=np.float32)
    return f"{values.shape} {hashlib.sha256(values.tobytes()).hexdigest()}"


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
