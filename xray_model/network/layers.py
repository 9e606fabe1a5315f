"""Small layers that every backbone is wrapped in; they are saved with the model."""

from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

Preprocessing = Literal["caffe", "tf", "torch"]

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
# Of the ImageNet photographs, red to blue (`keras.applications.imagenet_utils`); caffe's are blue to red and of 0..255.
_CAFFE_MEAN = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="xray")
class Preprocess(layers.Layer):
    """Gray levels 0 to 255 [n, h, w, 1] as the backbone's weights want them, [n, h, w, channels].

    `caffe`: 0..255 without ImageNet's mean; `tf`: -1..1; `torch`: ImageNet's mean 0 and deviation 1. Where there are
    three channels they start equal, so caffe's order (blue, green, red) is the order of its means alone.
    """

    def __init__(self, backbone: str, mode: Preprocessing, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        """Name of the registry's entry this was made for."""
        self.mode = mode
        self.channels = channels

    def call(self, gray: Any) -> Any:
        """The channels, scaled and shifted."""
        x = ops.repeat(ops.cast(gray, self.compute_dtype), self.channels, axis=-1)
        if self.mode == "tf":
            return x / 127.5 - 1.0
        if self.mode == "caffe":
            return x - ops.convert_to_tensor(_CAFFE_MEAN, x.dtype)
        return (x / 255.0 - ops.convert_to_tensor(_MEAN, x.dtype)) / ops.convert_to_tensor(_DEVIATION, x.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same picture with the backbone's channels."""
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        """With the mode, so that a saved model needs no registry to be run."""
        return {**super().get_config(), "backbone": self.backbone, "mode": self.mode, "channels": self.channels}


@keras.saving.register_keras_serializable(package="xray")
class Float16Range(layers.Layer):
    """Cuts at the largest float16, 65504, so that no activation is infinite in the feature cache.

    It stands at the end of the frozen part, in the whole network as well: cached or not, the head sees the same.
    """

    LARGEST = 65504.0

    def call(self, activations: Any) -> Any:
        """The same activations where they are in range."""
        return ops.clip(activations, -self.LARGEST, self.LARGEST)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape it is given."""
        return input_shape


@keras.saving.register_keras_serializable(package="xray")
class InferenceBatchNormalization(layers.BatchNormalization):
    """Batch normalisation that keeps to its moving figures while its scale and shift are fine-tuned.

    `training=False` at the call or `trainable=False` would do as well, but a fit overrides the one and unfreezing the
    model around it the other.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalised by the moving mean and variance, whatever `training` says."""
        del training
        return super().call(inputs, training=False, mask=mask)


@keras.saving.register_keras_serializable(package="xray")
class Standardise(layers.Layer):
    """Features [n, d] less their mean, over their deviation, both as `adapt` found them in the training images.

    Keras' `Normalization` divides by next to nothing where a feature is the same in all training images: a picture
    that is the first to show it would then be told by it alone. Here such a deviation counts as `LEAST` times the
    median of those that vary.
    """

    LEAST = 0.01

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Weights that no gradient changes: nothing is done until `adapt`."""
        shape = (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.deviation = self.add_weight(name="deviation", shape=shape, initializer="ones", trainable=False)

    @property
    def adapted(self) -> bool:
        """Whether mean and deviation were taken from images, here or in the model they were copied from."""
        return bool(ops.any(self.mean != 0) or ops.any(self.deviation != 1))

    def adapt(self, features: npt.NDArray[Any]) -> None:
        """Take mean and deviation from features [n, d]."""
        deviation = features.std(axis=0, dtype=np.float64)
        varying = deviation[deviation > 0]
        least = self.LEAST * float(np.median(varying)) if len(varying) else 1.0
        self.mean.assign(features.mean(axis=0, dtype=np.float64))
        self.deviation.assign(np.maximum(deviation, least))

    def call(self, features: Any) -> Any:
        """The features, standardised."""
        return (features - self.mean) / self.deviation

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape it is given."""
        return input_shape
