"""ViT-B/16 and its ImageNet weights, which keras-hub has as a preset; without it the model still runs."""

import os
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from xray_model.errors import WeightsError
from xray_model.network.transformers import list_layers

PRESET = "vit_base_patch16_224_imagenet"
_PRESET_SIDE = 224


def build_vit_b16(side: int, _alpha: float, weights: str | None) -> keras.Model:
    """ViT-B/16: images [side, side, 3] to its class token [768], after twelve blocks.

    Raises:
        WeightsError: `imagenet` weights without keras-hub, or at another side than theirs.
    """
    preset = None if weights is None else _read_preset(side)
    x = images = keras.Input((side, side, 3), name="images")
    for layer in list_layers(width=768, depth=12, heads=12, class_token=True):
        x = layer(x)
    network = keras.Model(images, x)
    if preset is not None:
        network.set_weights(reorder_weights(preset))
    return network


def preset_folder() -> Path:
    """Where keras-hub keeps the preset, and looks for it before it downloads anything."""
    cache = Path(os.environ.get("KAGGLEHUB_CACHE", Path.home() / ".cache" / "kagglehub"))
    return cache / "models" / "keras" / "vit" / "keras" / PRESET


def say_how_to_bring_preset() -> str:
    """What to do for the preset on a machine without internet."""
    return (
        f"let keras_hub.models.ViTBackbone.from_preset('{PRESET}') run on a machine with internet, and copy its folder "
        f"models/keras/vit of kagglehub's cache to {preset_folder().parents[1]}"
    )


def reorder_weights(hub: list[npt.NDArray[np.floating]]) -> list[npt.NDArray[np.floating]]:
    """Weights of keras-hub's `ViTBackbone` in the order of ours: the positions stand before the patches' kernel."""
    class_token, kernel, bias, positions, *blocks = hub
    return [class_token, positions, kernel, bias, *blocks]


def _read_preset(side: int) -> list[npt.NDArray[np.floating]]:
    if side != _PRESET_SIDE:
        raise WeightsError(
            f"the ImageNet weights of vit_b16 know places in pictures of side {_PRESET_SIDE}, not {side}: leave the "
            "input side out"
        )
    try:
        from keras_hub.models import ViTBackbone
    except ImportError as error:
        raise WeightsError(
            "the ImageNet weights of vit_b16 come with keras-hub, which is not installed: "
            "pip install 'xray-pipeline[vit]', or give a weight file"
        ) from error
    backbone = ViTBackbone.from_preset(PRESET)
    arrays: list[npt.NDArray[np.floating]] = backbone.get_weights()
    return arrays
