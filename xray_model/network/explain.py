"""Where a model looks: one heat map per image, in the frame of the canonical pixels.

Grad-CAM (Selvaraju et al. 2017) for backbones with convolutions, on each of its maps where a head sees several;
attention roll-out (Abnar and Zuidema 2020) for transformers, which says where the picture was looked at and is the same
for every class.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from xray_model.errors import ConfigurationError, InvalidInput
from xray_model.network.backbones import find_backbone
from xray_model.network.backbones.cutting import cut
from xray_model.network.backbones.depths import AVERAGE, DEPTHS
from xray_model.network.network import class_names, split
from xray_model.network.transformers import ClassToken, TransformerBlock

BATCH = 16
_SCORES = "scores"

Maps = npt.NDArray[np.float32]


def explain(model: keras.Model, pixels: npt.NDArray[np.uint8], class_name: str) -> Maps:
    """Heat maps of what speaks for a class.

    Args:
        model: joined, of a backbone of the registry.
        pixels: uint8 [n, side, side], canonical.
        class_name: one of the model's classes.

    Returns:
        float32 [n, side, side], from 0 to 1 in each image; all 0 where nothing speaks for the class.

    Raises:
        InvalidInput: the model does not know this class, or was made before backbones could be explained.
        ConfigurationError: Keras runs on a backend without gradients here.
    """
    classes = class_names(model)
    if class_name not in classes:
        raise InvalidInput(f"the model does not know the class {class_name}: it tells {', '.join(classes)} apart")
    steps = _list_steps(model)
    cam_layer = _find_cam_layer(model)
    if cam_layer is None:
        attend = _Rollout(_flatten(steps))
        return _in_batches(attend, pixels)
    divided = _divide_depths(steps) or _divide(steps, cam_layer)
    return _in_batches(_GradCam(*divided, classes.index(class_name)), pixels)


class _GradCam:
    """The layers up to the maps, those from there to the scores, and the class in question."""

    def __init__(self, before: Sequence[layers.Layer], after: Sequence[layers.Layer], place: int) -> None:
        self._before, self._after, self._place = before, after, place

    def __call__(self, images: Any) -> Any:
        """[n, h, w]: channels of the maps weighed by how much the score rises with their mean, where positive.

        What several maps say is added up in the frame of the largest.
        """
        found = _run(self._before, images)
        maps = found if isinstance(found, list) else [found]
        slopes = _gradient(lambda inner: ops.sum(_run(self._after, _one_or_all(inner))[:, self._place]), maps)
        sums = [
            # The slope of a mean is spread over all places: added up it says the same of maps of every size.
            ops.sum(ops.sum(slope, axis=(1, 2), keepdims=True) * each, axis=-1, keepdims=True)
            for slope, each in zip(slopes, maps, strict=True)
        ]
        size = max(each.shape[1] for each in sums)
        return ops.relu(sum(_resize(each, size) for each in sums)[..., 0])


class _Rollout:
    """The layers of a transformer, in a row."""

    def __init__(self, steps: Sequence[layers.Layer]) -> None:
        self._steps = steps
        self._class_token = any(isinstance(step, ClassToken) for step in steps)

    def __call__(self, images: Any) -> Any:
        """[n, h, w]: how much of each patch reaches the pooled features, above the least of its image."""
        x = images
        flow: Any = None
        for step in self._steps:
            if not isinstance(step, TransformerBlock):
                x = step(x, training=False)
                continue
            x, scores = step.call_with_attention(x)
            # Half comes by the short cut.
            mixed = (ops.mean(scores, axis=1) + ops.eye(scores.shape[-1])) / 2
            flow = mixed if flow is None else mixed @ flow
        reached = flow[:, 0, 1:] if self._class_token else ops.mean(flow, axis=1)
        reached = reached - ops.min(reached, axis=1, keepdims=True)
        grid = round(reached.shape[1] ** 0.5)
        return ops.reshape(reached, (-1, grid, grid))


def _list_steps(model: keras.Model) -> list[layers.Layer]:
    """The layers from pixels to class scores, one after another; both parts are such rows."""
    frozen, head = split(model)
    steps = [layer for part in (frozen, head) for layer in part.layers if not isinstance(layer, layers.InputLayer)]
    return steps[: [step.name for step in steps].index(_SCORES) + 1]


def _find_cam_layer(model: keras.Model) -> str | None:
    frozen, _ = split(model)
    try:
        return find_backbone(frozen.get_layer("preprocess").backbone).cam_layer
    except ValueError as error:
        raise InvalidInput("the model was made before models could be explained: train it again") from error


def _divide(steps: Sequence[layers.Layer], name: str) -> tuple[list[layers.Layer], list[layers.Layer]]:
    """The steps up to the output of a layer, and those after it."""
    for place, step in enumerate(steps):
        if step.name == name:
            return [*steps[: place + 1]], [*steps[place + 1 :]]
        if isinstance(step, keras.Model) and name in {layer.name for layer in step.layers}:
            lower, upper = cut(step, name)
            return [*steps[:place], lower], [upper, *steps[place + 1 :]]
    raise InvalidInput(f"the model has no layer {name} to explain it by: train it again with this version")


def _divide_depths(steps: Sequence[layers.Layer]) -> tuple[list[layers.Layer], list[layers.Layer]] | None:
    """As `_divide`, at all the maps whose averages the head sees; None where it sees no such averages."""
    for place, step in enumerate(steps):
        if isinstance(step, keras.Model) and DEPTHS in {layer.name for layer in step.layers}:
            # Other averages may lie within blocks of the network.
            averages = [layer for layer in step.layers if layer.name.startswith(AVERAGE)]
            maps = [average.input for average in averages]
            lower = keras.Model(step.input, maps, name="lower")
            return [*steps[:place], lower], [keras.Model(maps, step.output, name="upper"), *steps[place + 1 :]]
    return None


def _flatten(steps: Sequence[layers.Layer]) -> list[layers.Layer]:
    flat: list[layers.Layer] = []
    for step in steps:
        flat += _flatten(step.layers[1:]) if isinstance(step, keras.Model) else [step]
    return flat


def _run(steps: Sequence[layers.Layer], x: Any) -> Any:
    for step in steps:
        x = step(x, training=False)
    return x


def _one_or_all(maps: Sequence[Any]) -> Any:
    return maps[0] if len(maps) == 1 else [*maps]


def _resize(maps: Any, size: int) -> Any:
    return ops.image.resize(ops.cast(maps, "float32"), (size, size), interpolation="bilinear")


def _gradient(score: Callable[[list[Any]], Any], at: list[Any]) -> list[Any]:
    """Slopes of a score by what it is computed from: the one thing that Keras leaves to its backends."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(at)
            value = score(at)
        return [*tape.gradient(value, at)]
    if backend == "jax":
        import jax

        return [*jax.grad(score)(at)]
    raise ConfigurationError(f"models cannot be explained on Keras' backend {backend}: set KERAS_BACKEND to tensorflow")


def _in_batches(maps_of: Callable[[Any], Any], pixels: npt.NDArray[np.uint8]) -> Maps:
    side = pixels.shape[1]
    done = np.zeros(pixels.shape, np.float32)
    for start in range(0, len(pixels), BATCH):
        images = ops.convert_to_tensor(pixels[start : start + BATCH, ..., None])
        maps = _resize(maps_of(images)[..., None], side)[..., 0]
        found = np.maximum(ops.convert_to_numpy(maps), 0)
        largest = found.max(axis=(1, 2), keepdims=True)
        done[start : start + BATCH] = np.divide(found, largest, out=np.zeros_like(found), where=largest > 0)
    return done
