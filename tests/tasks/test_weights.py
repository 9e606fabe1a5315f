"""Weights of a training: found in the store or the registry, and refused by name where they are not."""

import hashlib
from pathlib import Path

import pytest

from storage.registry import Registry
from storage.settings import Settings
from storage.store import Store
from tasks.weights import fetch_weights, pin_weights
from tests.registering import evaluation, training
from tests.storage.entries import gate, write_ledger
from xray_model.config import TrainingOptions
from xray_model.errors import WeightsError


def test_object_of_the_store_becomes_a_local_file(store: Store) -> None:
    """`store:` and a key is a file of the same name for as long as it is wanted, with the expected hash."""
    store.objects.put("weights/x.weights.h5", b"some")
    digest = hashlib.sha256(b"some").hexdigest()
    options = TrainingOptions(backbone="vgg16", weights="store:weights/x.weights.h5", weights_sha256=digest)
    with fetch_weights(store.objects, options) as weights:
        path = weights.file
        assert path is not None
        assert (path.name, path.read_bytes()) == ("x.weights.h5", b"some")
        assert (weights.source, weights.sha256) == (options.weights, digest)
    assert not path.exists()


def test_object_at_the_root_of_the_store(store: Store) -> None:
    """A key without a folder is a key."""
    store.objects.put("x.weights.h5", b"some")
    with fetch_weights(store.objects, TrainingOptions(weights="store:x.weights.h5")) as weights:
        assert weights.file is not None
        assert weights.file.read_bytes() == b"some"


def test_model_in_service_is_fetched_from_the_registry(store: Store, tmp_path: Path) -> None:
    """`champion` is the file of the version that the ledger says is in service."""
    registry = Registry(Settings())
    (tmp_path / "model.keras").write_bytes(b"a model")
    with registry.training_run("first") as run_id:
        registry.record_training(training(run_id), "s", tmp_path / "model.keras", "{}")
    write_ledger(store.objects, gate(0, registry.register(run_id, evaluation())))
    with fetch_weights(store.objects, TrainingOptions(weights="champion")) as weights:
        assert weights.file is not None
        assert weights.file.read_bytes() == b"a model"


@pytest.mark.parametrize("source", ["store:nowhere.weights.h5", "champion"])
def test_what_is_not_there_is_refused(store: Store, source: str) -> None:
    """A missing object, and a warm start before there is a champion, are errors."""
    with (
        pytest.raises(WeightsError, match=r"there (are no weights|is no model)"),
        fetch_weights(store.objects, TrainingOptions(weights=source)),
    ):
        pass


def test_other_sources_are_left_to_the_network(store: Store) -> None:
    """Nothing is fetched for a local path, ImageNet or none."""
    for source in ("none", "imagenet", "some/file.weights.h5"):
        with fetch_weights(store.objects, TrainingOptions(weights=source)) as weights:
            assert (weights.source, weights.file) == (source, None)


def test_weights_are_pinned_to_the_content_of_their_file(store: Store, tmp_path: Path) -> None:
    """A file on this machine or in the store brings its sha256; one of another content than was said is refused."""
    (tmp_path / "x.weights.h5").write_bytes(b"some")
    store.objects.put("x.weights.h5", b"some")
    digest = hashlib.sha256(b"some").hexdigest()
    for source in (str(tmp_path / "x.weights.h5"), "store:x.weights.h5"):
        options = TrainingOptions(backbone="vgg16", weights=source)
        pinned = pin_weights(store.objects, options)
        assert pinned == options.model_copy(update={"weights_sha256": digest})
        assert pin_weights(store.objects, pinned) == pinned
        with pytest.raises(WeightsError, match="expected 0000"):
            pin_weights(store.objects, options.model_copy(update={"weights_sha256": "0" * 64}))


@pytest.mark.parametrize("source", ["none", "imagenet"])
def test_weights_of_no_file_are_not_pinned(store: Store, source: str) -> None:
    """Nothing is looked for where the options name no file."""
    options = TrainingOptions(backbone="vgg16", weights=source)
    assert pin_weights(store.objects, options) == options
