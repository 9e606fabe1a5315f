"""Training on a snapshot: augmented views join the training images, and nothing else ever sees one."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.shards import array_bytes, shard_key
from storage.snapshots import load_snapshot, snapshot_key
from storage.store import Store
from tasks.features import gather_features
from tasks.training import fit_model
from xray_model.config import Augmentation, Precision, RetrainOptions, SnapshotOptions, TrainingOptions
from xray_model.data.augmentation import make_views
from xray_model.network import inference, network, training
from xray_model.network.backbones.builders import build_mobilenet_v2
from xray_model.network.samples import LabelledFeatures
from xray_model.outcomes import TrainingOutcome

CLASSES = ("covid", "normal")
SPLITS = {"train": 12, "validation": 6, "test": 6}
SNAPSHOT = "0123456789abcdef"


@pytest.fixture
def pixels(store: Store) -> np.ndarray:
    """Canonical pixels of a snapshot of 24 images in one shard: every third is normal, and darker."""
    side, images = store.side, sum(SPLITS.values())
    normal = np.arange(images) % 3 == 0
    gray = np.random.default_rng(0).integers(60, 200, (images, side, side))
    shard = np.where(normal[:, None, None], gray // 2, gray).astype(np.uint8)
    store.objects.put(shard_key("batch", 0), array_bytes(shard))
    rows = pd.DataFrame(
        {
            "image_id": [f"image{row}" for row in range(images)],
            "batch_id": "batch",
            "shard": 0,
            "row": range(images),
            "label": np.where(normal, "normal", "covid"),
            "patient_id": [f"patient{row}" for row in range(images)],
            "split": np.repeat(list(SPLITS), list(SPLITS.values())),
        }
    )
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    store.objects.put(snapshot_key(SNAPSHOT), buffer.getvalue())
    return shard


@pytest.fixture
def learnt_from(monkeypatch: pytest.MonkeyPatch) -> list[tuple[LabelledFeatures, LabelledFeatures]]:
    """The training and validation features that each head was given."""
    given: list[tuple[LabelledFeatures, LabelledFeatures]] = []
    fit_head = training.fit_head

    def spy(head, lesson, *others):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN202
        given.append((lesson.train, lesson.validation))
        return fit_head(head, lesson, *others)

    monkeypatch.setattr(training, "fit_head", spy)
    return given


def train(store: Store, path: Path, views: int, augmentation: Augmentation | None = None) -> TrainingOutcome:
    """Two epochs of a small network with so many views of each training image."""
    options = RetrainOptions(
        snapshot=SnapshotOptions(classes=CLASSES),
        training=TrainingOptions(
            input_side=32, epochs=2, augmented_views=views, augmentation=augmentation or Augmentation()
        ),
    )
    return fit_model(store, SNAPSHOT, "normal", options, "run", path)


def test_views_join_the_training_images_alone(
    store: Store,
    pixels: np.ndarray,
    learnt_from: list[tuple[LabelledFeatures, LabelledFeatures]],
    tmp_path: Path,
) -> None:
    """The head learns from the images and two views of each; what chooses the epoch is bit-equal with and without."""
    plain, augmented = (train(store, tmp_path / "model.keras", views) for views in (0, 2))
    (images, checked), (seen, checked_again) = learnt_from
    assert np.array_equal(checked.features, checked_again.features)
    assert np.array_equal(checked.targets, checked_again.targets)
    assert np.array_equal(seen.features[:12], images.features)
    assert np.array_equal(seen.targets, np.tile(images.targets, 3))
    frozen, _ = network.split(network.load(tmp_path / "model.keras"))
    names = [f"image{row}" for row in range(12)]
    for view in (1, 2):
        of_view = seen.features[12 * view : 12 * (view + 1)]
        drawn = make_views(pixels[:12], names, view, Augmentation())
        assert np.array_equal(of_view, inference.compute_features(frozen, drawn))
        assert all(not np.array_equal(*pair) for pair in zip(of_view, images.features, strict=True))
    assert plain.counts_before == augmented.counts_before == {"covid": 8, "normal": 4}
    assert plain.counts_after == {"covid": 8, "normal": 8}
    assert augmented.counts_after == {"covid": 24, "normal": 24}


def test_evaluation_and_predictions_know_of_no_view(store: Store, pixels: np.ndarray, tmp_path: Path) -> None:
    """A model trained on strong views is scored on the pixels as they are, twice the same, and holds no view inside."""
    strong = Augmentation(rotation=40, zoom=0.5, brightness=0.5, erase_borders=0.3)
    train(store, tmp_path / "model.keras", 2, strong)
    model = network.load(tmp_path / "model.keras")
    frozen, head = network.split(model)
    rows = load_snapshot(store.objects, SNAPSHOT, "test")
    features = gather_features(store, frozen, rows, "see test images").features
    assert np.array_equal(features, inference.compute_features(frozen, pixels[18:]))
    scored = inference.predict_features(head, features)
    assert np.array_equal(scored, inference.predict_features(head, features))
    whole = model.predict(pixels[18:, ..., None], verbose=0)
    assert np.abs(scored - whole).max() < 1e-2
    assert not [layer.name for layer in model._flatten_layers() if "random" in type(layer).__name__.lower()]


def test_minority_images_alone_get_views(
    store: Store,
    pixels: np.ndarray,
    learnt_from: list[tuple[LabelledFeatures, LabelledFeatures]],
    tmp_path: Path,
) -> None:
    """With `augment_minority` views are made of the smaller class, as many as it takes, and none joins the images."""
    options = RetrainOptions(
        snapshot=SnapshotOptions(classes=CLASSES),
        training=TrainingOptions(input_side=32, epochs=2, rebalancing="augment_minority"),
    )
    outcome = fit_model(store, SNAPSHOT, "normal", options, "run", tmp_path / "model.keras")
    ((seen, checked),) = learnt_from
    assert seen.views is not None
    assert checked.views is None
    assert seen.features.shape == seen.views[0].shape
    assert (seen.views.reshape(len(seen.views), 12, -1).any(axis=2) == (seen.targets == 1)).all()
    assert outcome.counts_after == {"covid": 8, "normal": 8}
    assert outcome.rebalancing_note


@pytest.mark.parametrize("views", [0, 1])
def test_the_whole_network_is_tuned_on_new_views_where_views_are_asked_for(
    store: Store, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, views: int
) -> None:
    """Fine-tuning of everything is given the images themselves, with how their views are drawn if any are wanted."""
    given: list[training.Lesson] = []
    fine_tune = training.fine_tune

    def spy(model, lesson, *others):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN202
        given.append(lesson)
        return fine_tune(model, lesson, *others)

    monkeypatch.setattr(training, "fine_tune", spy)
    drawn = Augmentation(rotation=20)
    chosen = TrainingOptions(
        backbone="mobilenet_v2",
        alpha=0.35,
        input_side=32,
        epochs=1,
        fine_tune="all",
        fine_tune_epochs=1,
        augmented_views=views,
        augmentation=drawn,
    )
    options = RetrainOptions(snapshot=SnapshotOptions(classes=CLASSES), training=chosen)
    fit_model(store, SNAPSHOT, "normal", options, "run", tmp_path / "model.keras")
    assert np.array_equal(given[0].train.features[..., 0], pixels[:12])
    assert np.array_equal(given[0].validation.features[..., 0], pixels[12:18])
    assert given[0].augmentation == (drawn if views else None)


@pytest.mark.parametrize("boundary", ["block_15_add", "all"])
def test_a_fine_tuned_model_is_scored_as_it_is_saved(
    store: Store, pixels: np.ndarray, tmp_path: Path, boundary: str
) -> None:
    """Both stages are told, activations are kept for the next night, and the saved file predicts as its two parts."""
    options = RetrainOptions(
        snapshot=SnapshotOptions(classes=CLASSES),
        training=TrainingOptions(
            backbone="mobilenet_v2", input_side=32, epochs=1, fine_tune=boundary, fine_tune_epochs=1, batch_size=4
        ),
    )
    first, second = (
        fit_model(store, SNAPSHOT, "normal", options, "run", tmp_path / f"{night}.keras") for night in ("one", "two")
    )
    assert [score.stage for score in first.epochs] == ["head", "fine-tune"]
    assert (first.fine_tuned, second.features_computed) == (boundary, 0)
    assert [score.validation_minority_f1 for score in first.epochs] == [
        score.validation_minority_f1 for score in second.epochs
    ]
    # Not to the last bit: threads add the gradients of a whole network up in an order of their own.
    assert [score.loss for score in first.epochs] == pytest.approx([score.loss for score in second.epochs], abs=1e-4)
    model = network.load(tmp_path / "two.keras")
    frozen, head = network.split(model)
    rows = load_snapshot(store.objects, SNAPSHOT, "test")
    scored = inference.predict_features(head, gather_features(store, frozen, rows, "see test images").features)
    assert np.abs(scored - model.predict(pixels[18:, ..., None], verbose=0)).max() < 1e-2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_backbone_is_computed_as_the_options_say(
    store: Store, pixels: np.ndarray, tmp_path: Path, precision: Precision
) -> None:
    """The saved model computes its backbone in the precision asked for, and its classifier in float32."""
    options = RetrainOptions(
        snapshot=SnapshotOptions(classes=CLASSES),
        training=TrainingOptions(backbone="vgg16", input_side=32, epochs=1, precision=precision),
    )
    outcome = fit_model(store, SNAPSHOT, "normal", options, "run", tmp_path / "model.keras")
    assert outcome.precision == precision
    frozen, head = network.split(network.load(tmp_path / "model.keras"))
    assert frozen.get_layer("vgg16").get_layer("block5_conv3").compute_dtype == precision
    assert head.get_layer("scores").compute_dtype == "float32"


def test_the_hash_of_the_weight_file_is_told_whole(store: Store, pixels: np.ndarray, tmp_path: Path) -> None:
    """The outcome has the whole sha256 of the file that the backbone started from, and none where there is none."""
    path = tmp_path / "narrow.weights.h5"
    build_mobilenet_v2(32, 0.35, None).save_weights(path)
    hashes = []
    for weights in (str(path), "none"):
        options = RetrainOptions(
            snapshot=SnapshotOptions(classes=CLASSES),
            training=TrainingOptions(backbone="mobilenet_v2", alpha=0.35, input_side=32, epochs=1, weights=weights),
        )
        outcome = fit_model(store, SNAPSHOT, "normal", options, "run", tmp_path / "model.keras")
        hashes.append(outcome.weights_sha256)
    assert hashes == [hashlib.sha256(path.read_bytes()).hexdigest(), None]
