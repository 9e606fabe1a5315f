"""`xray doctor`: what this installation has and lacks, and what to do about it."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError
from rich.console import Console

from storage.settings import Settings, prepare_environment
from xray_model.errors import ConfigurationError, XrayError

if TYPE_CHECKING:
    from xray_model.network.backbones import Backbone

_STYLES = {"ok": "green", "missing": "yellow", "problem": "bold red"}
_SUBJECT_WIDTH = 29


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list."""

    state: Literal["ok", "missing", "problem"]
    """`missing` is what a training may ask for and has not yet; `problem` is what cannot work."""
    subject: str
    words: str


def examine(backbone: str | None, weights: str | None, alpha: float | None) -> int:
    """Print what there is, in order; nothing is changed or downloaded.

    Args:
        backbone: a backbone whose weights are to be loaded; None for a look at which weights are there.
        weights: where they come from, as `--weights` of a training; None for the default.
        alpha: width of the backbone; None for the published one.

    Returns:
        1 where something that is set or asked for cannot work, else 0.

    Raises:
        ConfigurationError: weights or a width without a backbone.
    """
    if backbone is None and (weights is not None or alpha is not None):
        raise ConfigurationError("name the backbone that these weights or this width are for with --backbone")
    console = Console()
    problems = 0
    for finding in _look(backbone, weights, alpha):
        problems += finding.state == "problem"
        console.print(
            f"[{_STYLES[finding.state]}]{finding.state:<8}[/] {finding.subject:<{_SUBJECT_WIDTH}} ",
            end="",
            highlight=False,
        )
        console.print(finding.words, highlight=False, markup=False, soft_wrap=True)
    return int(problems > 0)


def _look(backbone: str | None, weights: str | None, alpha: float | None) -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors():
            yield Finding("problem", f"XRAY_{item['loc'][0]}".upper(), f"{item['msg']}: set it otherwise")
        return
    prepare_environment(settings)
    # A training waits many minutes for a registry; here one question more is enough.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    yield _check_home(settings)
    yield _check_salt(settings)
    yield _check_store(settings)
    yield _check_registry(settings)
    keras = _check_keras()
    yield keras
    if keras.state == "problem":
        return
    yield _check_precision()
    if backbone is None:
        yield from _look_for_weights()
    else:
        yield _load_weights(settings, backbone, weights, alpha)


def _check_home(settings: Settings) -> Finding:
    from storage.health import can_write

    home = settings.home.resolve()
    if not can_write(home):
        return Finding("problem", "home", f"{home} cannot be written: set XRAY_HOME to a folder that can")
    return Finding("ok", "home", str(home) if home.exists() else f"{home}, made at the first use")


def _check_salt(settings: Settings) -> Finding:
    if settings.salt is not None:
        return Finding("ok", "salt of the pseudonyms", "XRAY_SALT is set")
    if settings.shares_store:
        words = "XRAY_SALT is not set, and the store is shared: set it to the secret the store was begun with"
        return Finding("problem", "salt of the pseudonyms", words)
    return Finding("ok", "salt of the pseudonyms", "kept in the home" if settings.has_salt else "made at the first use")


def _check_store(settings: Settings) -> Finding:
    from storage.health import check_store

    try:
        begun = check_store(settings)
    except XrayError as error:
        return Finding("problem", "store", str(error))
    return Finding("ok", "store", settings.store_url if begun else f"{settings.store_url}, begins with the first batch")


def _check_registry(settings: Settings) -> Finding:
    from storage.health import check_registry

    try:
        begun = check_registry(settings)
    except ConfigurationError as error:
        return Finding("problem", "registry (MLflow)", str(error))
    place = "under the home" if settings.registry is None else "as XRAY_REGISTRY says"
    return Finding("ok", "registry (MLflow)", place if begun else f"{place}, begins with the first training")


def _check_keras() -> Finding:
    try:
        from xray_model.network.devices import find_devices

        devices = find_devices()
    except (ImportError, ValueError, RuntimeError) as error:
        words = f"cannot be used ({error}): set KERAS_BACKEND to one that is installed, tensorflow for instance"
        return Finding("problem", "Keras", words)
    gpus = ", ".join(devices.accelerators) or "no GPU"
    return Finding("ok", "Keras", f"{devices.version} on {devices.backend}; {os.cpu_count()} processors, {gpus}")


def _check_precision() -> Finding:
    from xray_model.network.backbones import choose_precision, find_backbone
    from xray_model.network.devices import find_devices

    accelerators = find_devices().accelerators
    chosen = choose_precision(find_backbone("vgg19"), None, accelerators)
    if accelerators:
        words = f"{chosen}, by its speed on {', '.join(accelerators)}"
    elif chosen == "bfloat16":
        words = "bfloat16, which this processor has"
    else:
        words = "float32: this processor would have to imitate bfloat16"
    return Finding("ok", "VGG computes in", words)


def _look_for_weights() -> Iterator[Finding]:
    from xray_model.network.backbones import BACKBONES, imagenet_path, say_how_to_bring

    for backbone in BACKBONES.values():
        subject = f"weights of {backbone.name}"
        if not backbone.pretrained:
            yield Finding("ok", subject, "trained from the start, it takes none")
        elif not backbone.imagenet_file:
            yield _look_for_preset(subject)
        elif (path := imagenet_path(backbone, backbone.default_side)).is_file():
            yield Finding("ok", subject, str(path))
        else:
            words = f"Keras downloads them; without internet {say_how_to_bring(backbone, backbone.default_side)}"
            yield Finding("missing", subject, words)


def _look_for_preset(subject: str) -> Finding:
    from xray_model.network.backbones import preset_folder, say_how_to_bring_preset

    if find_spec("keras_hub") is None:
        words = "keras-hub is not installed: pip install 'xray-pipeline[vit]'; then, without internet, "
        return Finding("missing", subject, words + say_how_to_bring_preset())
    if preset_folder().is_dir():
        return Finding("ok", subject, f"a preset of keras-hub, in {preset_folder()}")
    words = f"keras-hub is installed and downloads its preset; without internet {say_how_to_bring_preset()}"
    return Finding("missing", subject, words)


def _load_weights(settings: Settings, name: str, source: str | None, alpha: float | None) -> Finding:
    """Load the weights that a training would, but for a preset of keras-hub, which might be downloaded."""
    from apps.night import default_weights
    from xray_model.network.backbones import find_backbone, imagenet_path, say_how_to_bring

    subject = f"weights of {name}"
    source = source or default_weights(name)
    try:
        backbone = find_backbone(name, alpha)
        if source == "imagenet" and backbone.pretrained:
            if not backbone.imagenet_file:
                found = _look_for_preset(subject)
                return found if found.state == "ok" else Finding("problem", subject, found.words)
            path = imagenet_path(backbone, backbone.default_side)
            if not path.is_file():
                words = f"{path.name} is not there: {say_how_to_bring(backbone, backbone.default_side)}"
                return Finding("problem", subject, words)
            source = str(path)
        return Finding("ok", subject, _load(settings, backbone, source))
    except XrayError as error:
        return Finding("problem", subject, str(error))


def _load(settings: Settings, backbone: "Backbone", source: str) -> str:
    from storage.health import check_registry, check_store
    from storage.objects import open_objects
    from tasks.weights import fetch_weights, is_fetched
    from xray_model.config import TrainingOptions
    from xray_model.network.backbones import CHAMPION, Weights, build_parts

    if source == CHAMPION:
        check_registry(settings)
    found: AbstractContextManager[Weights] = nullcontext(Weights(source))
    if is_fetched(source):
        if not check_store(settings):
            raise ConfigurationError(f"the store is not begun, so there are no weights {source} yet: give a local path")
        options = TrainingOptions.model_validate({"backbone": backbone.name, "weights": source})
        found = fetch_weights(open_objects(settings.store_url), options)
    with found as weights:
        parts = build_parts(backbone, settings.side, backbone.default_side, weights, None)
    return parts.words if parts.weights_sha256 is None else f"loaded from {source}, sha256 {parts.weights_sha256}"
