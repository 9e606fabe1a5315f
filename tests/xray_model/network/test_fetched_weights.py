"""Weights that Keras and keras-hub fetch: where they are looked for, and what is said where there are none."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.xray_model.network.narrow import CANONICAL, NARROW, SIDE, run
from xray_model.errors import WeightsError
from xray_model.network.backbones import BACKBONES, Weights, build_parts, imagenet_path


@pytest.mark.parametrize("name", [name for name, backbone in BACKBONES.items() if backbone.imagenet_file])
def test_download_that_fails_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without internet no backbone falls back to random weights; the error says which file to put where."""
    wanted: list[str] = []

    def fail(fname: str, *_: object, **__: object) -> None:
        wanted.append(fname)
        raise Exception("URL fetch failure")  # noqa: TRY002  as Keras does

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    backbone = BACKBONES[name]
    side = backbone.minimum_side
    with pytest.raises(WeightsError, match="could not be downloaded") as refusal:
        build_parts(backbone, CANONICAL, side, Weights("imagenet"), None)
    assert wanted == [backbone.imagenet_name(side)]
    assert f"put {wanted[0]} into {imagenet_path(backbone, side).parent}" in str(refusal.value)
    assert "xray doctor" in str(refusal.value)


def test_keras_looks_elsewhere_where_its_home_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place that is named is the one that Keras' own `get_file` uses, also without a home that can be written."""
    for home in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setenv("KERAS_HOME", str(home))
        monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(home))
        path = imagenet_path(NARROW, SIDE)
        here = path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not here:
            path.write_bytes(b"there")
        try:
            assert keras.utils.get_file(path.name, "http://127.0.0.1:9/x", cache_subdir="models") == str(path)
        finally:
            if not here:
                path.unlink()


def test_presets_need_keras_hub_at_their_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keras-hub the error is the command that installs it; at another side than the preset's it says so."""
    monkeypatch.setitem(sys.modules, "keras_hub.models", None)
    with pytest.raises(WeightsError, match=r"pip install 'xray-pipeline\[vit\]'"):
        build_parts(BACKBONES["vit_b16"], CANONICAL, 224, Weights("imagenet"), None)
    with pytest.raises(WeightsError, match="of side 224, not 32"):
        build_parts(BACKBONES["vit_b16"], CANONICAL, 32, Weights("imagenet"), None)


def test_keras_hub_has_the_same_network() -> None:
    """With keras-hub's weights in our order, ViT-B/16 gives what keras-hub's gives."""
    hub = pytest.importorskip("keras_hub", reason="the extra `vit` is not installed")
    from xray_model.network.backbones.presets import build_vit_b16, reorder_weights

    theirs = hub.models.ViTBackbone((SIDE, SIDE, 3), 16, 12, 12, 768, 3072)
    ours = build_vit_b16(SIDE, 1.0, None)
    rng = np.random.default_rng(1)
    theirs.set_weights([rng.normal(scale=0.05, size=weight.shape) for weight in theirs.weights])
    ours.set_weights(reorder_weights(theirs.get_weights()))
    images = rng.uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    assert np.abs(run(ours, images) - run(theirs, images)[:, 0]).max() < 1e-4
