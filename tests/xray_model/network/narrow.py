"""The narrow MobileNetV2 that tests of weights build, and images for it."""

import keras
import numpy as np
import numpy.typing as npt

from xray_model.network.backbones import find_backbone

SIDE, CANONICAL = 32, 40
NARROW = find_backbone("mobilenet_v2", 0.35)
PIXELS = np.random.default_rng(0).integers(0, 256, (4, CANONICAL, CANONICAL, 1)).astype(np.uint8)


def run(model: keras.Model, inputs: npt.NDArray[np.generic] = PIXELS) -> npt.NDArray[np.float32]:
    """Outputs as at inference."""
    return np.asarray(keras.ops.convert_to_numpy(model(inputs, training=False)))
