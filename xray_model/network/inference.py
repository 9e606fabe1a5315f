"""Running a network forward: pixels to features, features to probabilities."""

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.extractor import extractor_of
from xray_model.network.samples import Features

BATCH = 64


def compute_features(frozen: keras.Model, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """float16 [n, ...]: what the frozen part makes of canonical pixels uint8 [n, side, side]."""
    return extractor_of(frozen)(pixels)


def predict_features(head: keras.Model, features: Features) -> npt.NDArray[np.float32]:
    """float32 [n, classes]: probabilities from features [n, ...]."""
    if len(features) == 0:
        return np.zeros((0, *head.output_shape[1:]), np.float32)
    # Not `predict`: what that sets up takes longer than a small head, and after every epoch of one.
    parts = [features[start : start + BATCH] for start in range(0, len(features), BATCH)]
    # Where there are several devices, each of them answers for the whole batch.
    return np.concatenate([head.predict_on_batch(part)[: len(part)] for part in parts])
