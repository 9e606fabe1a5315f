"""A training's state goes from one machine to another through the store, and no trouble with that ends the training."""

from pathlib import Path

import pytest

from storage.objects import open_objects
from storage.store import Store
from tasks.training_state import PREFIX, TrainingState
from xray_model.errors import StoreUnavailable


def machine(name: str, tmp_path: Path, store: Store) -> TrainingState:
    """The state of one training, as a machine with a home of its own keeps it."""
    return TrainingState(tmp_path / name / "training" / "abc.npz", store.objects)


def test_another_machine_goes_on_from_what_was_shared(tmp_path: Path, store: Store) -> None:
    """It fetches the last state that was shared, over an older one of its own; the end deletes it everywhere."""
    first, second = (machine(name, tmp_path, store) for name in ("first", "second"))
    first.fetch()
    assert not first.path.exists()
    first.path.write_bytes(b"after epoch 3")
    first.share()
    second.path.parent.mkdir(parents=True)
    second.path.write_bytes(b"after epoch 1")
    second.fetch()
    assert second.path.read_bytes() == b"after epoch 3"
    second.forget()
    assert not second.path.exists()
    assert not list(store.objects.list(PREFIX))


def test_a_store_of_one_machine_holds_no_state(tmp_path: Path, store: Store) -> None:
    """There the file in the home is all there is."""
    state = TrainingState(tmp_path / "abc.npz", None)
    state.path.write_bytes(b"after epoch 3")
    state.fetch()
    state.share()
    assert state.path.read_bytes() == b"after epoch 3"
    assert not list(store.objects.list(PREFIX))
    state.forget()
    assert not state.path.exists()


def test_a_store_that_is_away_ends_no_training(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Fetching, sharing and forgetting then each leave a warning, and what is here stays until it is forgotten."""

    def fail(*_: object) -> None:
        raise StoreUnavailable("nobody answers")

    objects = open_objects(store.objects.url)
    for verb in ("get_file", "put_file", "delete"):
        monkeypatch.setattr(objects, verb, fail)
    state = TrainingState(tmp_path / "abc.npz", objects)
    state.path.write_bytes(b"after epoch 3")
    state.fetch()
    state.share()
    assert state.path.read_bytes() == b"after epoch 3"
    state.forget()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
