"""The network on Keras' JAX backend: what is trained and explained there is the same model here."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xray_model.network import network
from xray_model.network.explain import explain

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install 'jax[cpu]' to run this"
)


@pytest.mark.parametrize("name", ["basic_cnn", "mobilenet_v2", "vit_tiny"])
def test_model_of_jax_is_the_same_here(name: str, tmp_path: Path) -> None:
    """Trained, saved and explained under JAX, a model loads here to the same probabilities and heat maps."""
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("on_jax.py")), name, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=300,
    )
    with np.load(tmp_path / "found.npz") as found:
        assert str(found["backend"]) == "jax"
        loaded = network.load(tmp_path / "model.keras")
        here = loaded.predict(found["pixels"][..., None], verbose=0)
        assert np.abs(here - found["probabilities"]).max() < 1e-4
        assert np.abs(explain(loaded, found["pixels"], "covid") - found["maps"]).max() < 1e-2
