"""The network's side: what Keras runs on, in which precision, and which weights are there."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from apps.doctor.findings import Finding
from storage.settings import Settings
from xray_model.errors import ConfigurationError, XrayError

if TYPE_CHECKING:
    from xray_model.network.backbones import Backbone

_DEVICES, _GPUS = Path("/dev"), ("nvidia[0-9]*", "kfd")
"""Where the kernel shows a GPU of NVIDIA, and one of AMD."""


def look_at_network(
    settings: Settings, backbone: str | None, weights: str | None, alpha: float | None
) -> Iterator[Finding]:
    """What a training would compute with, and start from."""
    keras = _check_keras()
    yield keras
    if keras.state == "problem":
        return
    yield from _check_gpu()
    yield _check_precision()
    if backbone is None:
        yield from _look_for_weights()
    else:
        yield _load_weights(settings, backbone, weights, alpha)


def _check_keras() -> Finding:
    try:
        from xray_model.network.devices import find_devices

        devices = find_devices()
    except (ImportError, ValueError, RuntimeError) as error:
        words = f"cannot be used ({error}): set KERAS_BACKEND to one that is installed, tensorflow for instance"
        return Finding("problem", "Keras", words)
    gpus = ", ".join(devices.accelerators) or "no GPU"
    return Finding("ok", "Keras", f"{devices.version} on {devices.backend}; {os.cpu_count()} processors, {gpus}")


def _check_gpu() -> Iterator[Finding]:
    from xray_model.network.devices import find_devices

    driver = next((path for name in _GPUS for path in sorted(_DEVICES.glob(name))), None)
    if driver is None or find_devices().accelerators:
        return
    words = (
        f"{driver} is there, and Keras uses no GPU: pip install 'xray-pipeline[gpu]' brings what it needs for NVIDIA's"
    )
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        words = f"{driver} is there, and CUDA_VISIBLE_DEVICES hides it: unset it to train on the GPU"
    yield Finding("warning", "GPU", words)


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
