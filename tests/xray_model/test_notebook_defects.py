"""Six defects that were all found in one public notebook of this kind, and what would find them here.

Some are found by tests that stand with what they test; they are named in `ELSEWHERE`, and the others follow below.
"""

import ast
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from storage.predictions import load_predictions
from storage.shards import array_bytes, shard_key
from storage.snapshots import snapshot_key
from storage.store import Store
from tasks import evaluation
from tasks.training import fit_model
from tests.registering import only_model
from xray_model.config import GatePolicy, RetrainOptions, SnapshotOptions, TrainingOptions
from xray_model.network import inference, network, training
from xray_model.network.backbones import BACKBONES, Weights, build_frozen

TESTS = Path(__file__).resolve().parents[1]
ELSEWHERE = {
    "augmentation defined but never applied": {
        "tasks/test_training.py": ["test_views_join_the_training_images_alone"],
        "xray_model/data/test_augmentation.py": ["test_every_option_is_really_applied"],
        "xray_model/network/test_batches.py": ["test_every_chosen_image_is_seen_once_an_epoch_in_a_view"],
    },
    "train rescaled, test not": {
        "tasks/test_training.py": ["test_evaluation_and_predictions_know_of_no_view"],
        "xray_model/network/test_network.py": ["test_two_parts_equal_the_whole"],
    },
    "vertical flips": {"xray_model/data/test_augmentation.py": ["test_a_chest_never_stands_on_its_head"]},
}
CLASSES = ("covid", "normal")
SPLITS = ("train", "validation", "test")
IMAGES = 16
SNAPSHOT = "0123456789abcdef"
REFERENCES = {
    "vgg16": ("vgg16", "VGG16"),
    "vgg19": ("vgg19", "VGG19"),
    "resnet50": ("resnet50", "ResNet50"),
    "resnet50v2": ("resnet_v2", "ResNet50V2"),
    "inception_v3": ("inception_v3", "InceptionV3"),
    "densenet121": ("densenet", "DenseNet121"),
    "mobilenet_v2": ("mobilenet_v2", "MobileNetV2"),
}
"""Backbones, and the module and class of `keras.applications` that publish them with their preprocessing."""


@pytest.fixture
def pixels(store: Store) -> np.ndarray:
    """Sixteen images in two shards, uint8 [16, side, side], each in all three splits, in another order in each."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, rng.permutation(np.arange(40, 40 + 13 * IMAGES, 13))[:, None, None], (IMAGES, 320, 320))
    half = IMAGES // 2
    for shard in (0, 1):
        own = pixels[shard * half : (shard + 1) * half].astype(np.uint8)
        store.objects.put(shard_key("batch", shard), array_bytes(own))
    rows = pd.DataFrame({"image_id": [f"image{number}" for number in range(IMAGES)], "batch_id": "batch"})
    rows = rows.assign(shard=np.arange(IMAGES) // half, row=np.arange(IMAGES) % half, source="here")
    rows = rows.assign(patient_id=rows["image_id"], label=np.where(rng.random(IMAGES) < 0.5, *CLASSES))
    rows = rows.assign(view="PA", sex="F", age=50.0, manufacturer=None)
    splits = [rows.sample(frac=1, random_state=seed).assign(split=name) for seed, name in enumerate(SPLITS)]
    buffer = io.BytesIO()
    pd.concat(splits).to_parquet(buffer, index=False)
    store.objects.put(snapshot_key(SNAPSHOT), buffer.getvalue())
    return pixels.astype(np.uint8)


def train(store: Store, path: Path) -> None:
    """A small network of one epoch."""
    chosen = TrainingOptions(input_side=32, epochs=1, rebalancing="none")
    options = RetrainOptions(snapshot=SnapshotOptions(classes=CLASSES), training=chosen)
    fit_model(store, SNAPSHOT, "normal", options, "run", path)


@pytest.fixture
def evaluated(store: Store, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The table that an evaluation of a trained model leaves, and beside it what the model says of each image alone."""
    path = tmp_path / "model.keras"
    train(store, path)

    monkeypatch.setattr(evaluation, "Registry", only_model(path))
    outcome = evaluation.evaluate_model.fn("run", "challenger", SNAPSHOT, "normal", GatePolicy(draws=100))
    model = network.load(path)
    alone = np.concatenate([model.predict(one[None, ..., None], verbose=0) for one in pixels])
    table = load_predictions(store.objects, outcome.predictions_key)
    number = table["image_id"].str.removeprefix("image").astype(int).to_numpy()
    return table.assign(number=number, alone=alone[number, 1])


@pytest.mark.parametrize("defect", ELSEWHERE)
def test_the_tests_named_are_there(defect: str) -> None:
    """Each defect that is said to be found elsewhere is found by tests of that name."""
    for path, names in ELSEWHERE[defect].items():
        body = ast.parse((TESTS / path).read_text()).body
        assert set(names) <= {item.name for item in body if isinstance(item, ast.FunctionDef)}


def test_labels_stand_beside_their_own_predictions(store: Store, evaluated: pd.DataFrame) -> None:
    """Defect: labels misaligned because the test set was shuffled between two passes."""
    rows = pd.read_parquet(io.BytesIO(store.objects.get(snapshot_key(SNAPSHOT))))
    labels = rows[rows["split"] == "test"].set_index("image_id")["label"]
    assert sorted(evaluated["image_id"]) == sorted(labels.index)
    assert (evaluated["label"].to_numpy() == labels[evaluated["image_id"]].to_numpy()).all()
    apart = np.abs(evaluated["alone"].to_numpy() - evaluated["alone"].to_numpy()[:, None])[np.triu_indices(IMAGES, 1)]
    error = np.abs(evaluated["p_normal"] - evaluated["alone"]).max()
    assert error < np.median(apart) / 5


def test_training_and_test_images_are_prepared_alike(
    store: Store, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: training images were rescaled, test images were not."""
    learnt: dict[str, np.ndarray] = {}
    fit_head = training.fit_head

    def spy(head, lesson, *others, **named):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN003, ANN202
        learnt.update(train=lesson.train.features, validation=lesson.validation.features)
        return fit_head(head, lesson, *others, **named)

    monkeypatch.setattr(training, "fit_head", spy)
    train(store, tmp_path / "model.keras")
    frozen, _ = network.split(network.load(tmp_path / "model.keras"))
    for seed, split in enumerate(("train", "validation")):
        order = pd.Series(range(IMAGES)).sample(frac=1, random_state=seed).to_numpy()
        assert np.array_equal(learnt[split], inference.compute_features(frozen, pixels[order]))


@pytest.mark.parametrize("name", REFERENCES)
def test_every_backbone_is_fed_as_its_weights_were_made(name: str) -> None:
    """Defect: VGG was fed without its own preprocessing."""
    from keras import applications

    side = 96
    pixels = np.random.default_rng(0).integers(0, 256, (3, side, side)).astype(np.uint8)
    frozen, _ = build_frozen(BACKBONES[name], side, side, Weights("none"))
    module, kind = REFERENCES[name]
    published = getattr(applications, kind)(input_shape=(side, side, 3), include_top=False, pooling="avg", weights=None)
    published.set_weights(frozen.get_weights())
    colour = np.repeat(pixels[..., None], 3, axis=-1).astype(np.float32)
    prepared = getattr(applications, module).preprocess_input(colour.copy())
    expected = published.predict(prepared, verbose=0)

    def error(found: np.ndarray) -> float:
        return float(np.abs(found - expected).max() / np.abs(expected).max())

    assert error(frozen.predict(pixels[..., None], verbose=0)) < 1e-3
    assert error(published.predict(colour / 255, verbose=0)) > 1e-2


def test_ranks_are_of_probabilities(evaluated: pd.DataFrame) -> None:
    """Defect: AUC computed from hard labels."""
    normal = evaluated["label"] == "normal"
    assert evaluated["p_normal"].nunique() == IMAGES
    assert roc_auc_score(normal, evaluated["p_normal"]) == roc_auc_score(normal, evaluated["alone"])
