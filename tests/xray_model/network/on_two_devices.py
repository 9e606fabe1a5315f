"""What `test_devices.py` runs on one device and on two: `python on_two_devices.py <devices>`; the epochs as JSON."""

import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf

from xray_model.config import TrainingOptions
from xray_model.network import inference, network, training
from xray_model.network.backbones import BACKBONES, Weights, build_parts
from xray_model.network.devices import count_replicas, spread_over
from xray_model.network.samples import LabelledFeatures

SIDE = 32
CLASSES = ("covid", "normal")
OPTIONS = TrainingOptions(
    epochs=2, fine_tune_epochs=2, batch_size=8, head_batch_size=8, rebalancing="none", dropout=0.0
)


def train(devices: list[str]) -> list[dict[str, Any]]:
    """Both stages on stripes, the second from the last boundary on."""
    backbone = BACKBONES["mobilenet_v2"]
    with spread_over(devices):
        assert count_replicas() == max(len(devices), 1)
        whole = build_parts(backbone, SIDE, SIDE, Weights("none"), None)
        tuned = build_parts(backbone, SIDE, SIDE, Weights("none"), backbone.boundaries[-1])
        head = network.build_head(backbone, whole.frozen.output_shape[1:], CLASSES, 0.0, hidden_units=4)
        first = training.fit_head(head, lesson(whole.frozen), OPTIONS, 1e-2)
        model = network.extend_head(tuned.upper, head)
        fit = training.fine_tune(model, lesson(tuned.frozen), OPTIONS, 1e-3, first)
    return [score.model_dump() for score in fit.epochs]


def lesson(frozen: "tf.keras.Model") -> training.Lesson:
    """What a frozen part makes of striped and plain images."""

    def see(seed: int, images: int) -> LabelledFeatures:
        targets = np.arange(images) % 2
        pixels = np.random.default_rng(seed).integers(60, 120, (images, SIDE, SIDE))
        pixels[targets == 1, ::4] += 90
        return LabelledFeatures(inference.compute_features(frozen, pixels.astype(np.uint8)), targets)

    return training.Lesson(see(0, 32), see(1, 12), CLASSES, "normal")


if __name__ == "__main__":
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    names = [f"cpu:{number}" for number in range(int(sys.argv[1]))]
    epochs = train(names)
    # A second training in one process must not meet the keys of the first.
    assert len(names) == 1 or train(names) == epochs
    print(json.dumps(epochs))
