"""On real X-rays and real weights: lower maps tell more than the last layer, and heat lies where the evidence is."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.model_selection import GroupShuffleSplit

from tests.xray_model.network.test_explain import SIDE, planted
from xray_model.config import FeatureKind, TrainingOptions
from xray_model.data.images import decode_image
from xray_model.data.records import DisplayHints
from xray_model.network import inference, network, training
from xray_model.network.backbones import BACKBONES, Weights, build_parts
from xray_model.network.explain import explain
from xray_model.network.samples import LabelledFeatures

pytestmark = pytest.mark.real

BACKBONE = BACKBONES["mobilenet_v2"]
CANONICAL = 160


def weights(shared_data: Path) -> Weights:
    """Those of ImageNet."""
    return Weights(str(shared_data / "weights" / "mobilenet_v2_1.0_224_no_top.weights.h5"))


def nih_pair(shared_data: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp], npt.NDArray[np.str_]]:
    """Canonical pixels, class numbers and patients of one source with as many normal images as pneumonias."""
    images = pd.read_csv(shared_data / "xray" / "manifest.csv")
    images = images[images["source"].str.startswith("nih") & images["label"].isin(["normal", "pneumonia"])]

    def read(name: str) -> npt.NDArray[np.uint8]:
        return decode_image((shared_data / "xray" / name).read_bytes(), DisplayHints(), CANONICAL).pixels

    with ThreadPoolExecutor(2) as threads:
        pixels = np.stack(list(threads.map(read, images["path"])))
    return pixels, np.asarray(images["label"] == "pneumonia", np.intp), np.asarray(images["patient_id"], np.str_)


@pytest.mark.slow
def test_lower_maps_tell_more_of_a_chest_than_the_last_layer(shared_data: Path) -> None:
    """Over three splits of the NIH pair by patient, heads on several depths are better on unseen patients."""
    pixels, targets, patients = nih_pair(shared_data)
    kinds: tuple[FeatureKind, ...] = ("last", "depths")
    right: dict[FeatureKind, list[float]] = {kind: [] for kind in kinds}
    for kind in kinds:
        frozen = build_parts(BACKBONE, CANONICAL, CANONICAL, weights(shared_data), None, features=kind).frozen
        features = inference.compute_features(frozen, pixels)
        for seed in range(3):
            learn, test = next(GroupShuffleSplit(1, test_size=0.3, random_state=seed).split(pixels, groups=patients))
            train, held = next(
                GroupShuffleSplit(1, test_size=0.15, random_state=seed).split(learn, groups=patients[learn])
            )
            head = network.build_head(BACKBONE, features.shape[1:], ("normal", "pneumonia"), 0.5, 64, seed)
            seen, checked = (LabelledFeatures(features[own], targets[own]) for own in (learn[train], learn[held]))
            lesson = training.Lesson(seen, checked, ("normal", "pneumonia"), "normal")
            training.fit_head(head, lesson, TrainingOptions(epochs=20), 1e-3)
            predicted = inference.predict_features(head, features[test]).argmax(axis=1)
            right[kind].append(float((predicted == targets[test]).mean()))
    assert np.mean(right["depths"]) > np.mean(right["last"]) + 0.01, right


def test_heat_of_several_depths_lies_on_what_decides(shared_data: Path) -> None:
    """Trained on planted squares, the heat of new images is hottest in their own square, and half of it lies there."""
    frozen = build_parts(BACKBONE, SIDE, CANONICAL, weights(shared_data), None, features="depths").frozen

    def see(seed: int, images: int) -> LabelledFeatures:
        pixels, targets, _ = planted(seed, images)
        return LabelledFeatures(inference.compute_features(frozen, pixels), targets)

    head = network.build_head(BACKBONE, frozen.output_shape[1:], ("normal", "opaque"), 0.5, 64)
    lesson = training.Lesson(see(1, 96), see(5, 40), ("normal", "opaque"), "opaque")
    training.fit_head(head, lesson, TrainingOptions(epochs=20, head_batch_size=16), 1e-3)
    pixels, _, inside = planted(2, 40)
    heat, squares = explain(network.join(frozen, head), pixels[1::2], "opaque"), inside[1::2]
    hottest = [square.ravel()[each.argmax()] for square, each in zip(squares, heat, strict=True)]
    assert np.mean(hottest) > 0.9
    assert ((heat * squares).sum(axis=(1, 2)) / heat.sum(axis=(1, 2))).mean() > 0.4
