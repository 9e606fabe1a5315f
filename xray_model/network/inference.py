"""Running a network forward: pixels to features, features to probabilities."""

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.samples import Features

BATCH = 64


def compute_features(frozen: keras.Model, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """float16 [n, ...]: what the frozen part makes of canonical pixels uint8 [n, side, side]."""
    features = _forward(frozen, pixels[..., None])
    return features.astype(np.float16)


def predict_features(head: keras.Model, features: Features) -> npt.NDArray[np.float32]:
    """float32 [n, classes]: probabilities from features [n, ...]."""
    return _forward(head, features)


def _forward(model: keras.Model, inputs: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    if len(inputs) == 0:
        return np.zeros((0, *model.output_shape[1:]), np.float32)
    outputs: npt.NDArray[np.float32] = model.predict(inputs, batch_size=BATCH, verbose=0)
    return outputs
