"""What `test_jax.py` runs under KERAS_BACKEND=jax: train, save and explain; `python on_jax.py <backbone> <folder>`."""

import sys
from pathlib import Path

import keras
import numpy as np

from xray_model.network import network
from xray_model.network.backbones import BACKBONES, Weights, build_parts, choose_features
from xray_model.network.explain import explain


def train(name: str, folder: Path) -> None:
    """Two epochs from the first boundary; the model, its predictions and its heat maps go into the folder."""
    backbone = BACKBONES[name]
    pixels = np.random.default_rng(0).integers(0, 256, (6, 40, 40)).astype(np.uint8)
    boundary = backbone.boundaries[0] if backbone.boundaries else None
    kind = choose_features(backbone, None, boundary)
    parts = build_parts(backbone, 40, 32, Weights("none"), boundary, features=kind)
    features = parts.frozen if parts.upper is None else parts.upper
    head = network.build_head(backbone, features.output_shape[1:], ("covid", "normal"), dropout=0.5)
    head = head if parts.upper is None else network.extend_head(parts.upper, head)
    head.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    head.fit(parts.frozen.predict(pixels[..., None], verbose=0), np.arange(6) % 2, epochs=2, shuffle=False, verbose=0)
    model = network.join(parts.frozen, head)
    network.save(model, folder / "model.keras")
    np.savez(
        folder / "found.npz",
        pixels=pixels,
        backend=keras.backend.backend(),
        probabilities=model.predict(pixels[..., None], verbose=0),
        maps=explain(model, pixels, "covid"),
    )


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]))
