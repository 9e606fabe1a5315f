"""A model that was judged before anything was called strange can be told, later, what is."""

import numpy as np
import pytest

from storage.shards import load_shard
from storage.store import Store
from storage.strangeness import load_strangeness
from tasks import strangeness
from tasks.drift_frames import ask_model
from tasks.strangeness import complete_strangeness, keep_strangeness
from tests.tasks.seeing import SIDE, SNAPSHOT, commit_squares, make_model, put_snapshot
from xray_model.evaluation.strangeness import LEAST_KNOWN
from xray_model.network import inference, network

TESTED = LEAST_KNOWN + 8


def test_it_is_made_of_the_test_images_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged like them is not strange, white pictures are; the second time no model is asked."""
    rows = commit_squares(store, "known", 4 * TESTED)
    put_snapshot(store, rows)
    model = make_model()
    complete_strangeness(store, model, "run", SNAPSHOT)
    kept = load_strangeness(store.objects, "run")
    assert kept is not None
    tested = rows[rows["split"] == "test"]
    np.testing.assert_allclose(kept.known, ask_model(store, model, tested, "see").embedding, atol=1e-3)
    frozen, head = network.split(model)
    new = commit_squares(store, "new", 40, seed=1)
    squares = load_shard(store.objects, new["batch_id"][0], 0)
    for pixels, least, most in ((squares, 0, 0.1), (np.full((2, SIDE, SIDE), 255, np.uint8), 1, 1)):
        embedding = inference.predict_features(network.embedding(head), inference.compute_features(frozen, pixels))
        assert least <= kept.find_strange(embedding).mean() <= most
    monkeypatch.setattr(strangeness, "ask_model", None)
    complete_strangeness(store, model, "run", SNAPSHOT)


def test_a_model_that_is_scored_again_is_not_measured_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A champion is, beside each challenger, and what was kept of it would stay in any case."""
    embedding = np.random.default_rng(0).normal(size=(LEAST_KNOWN, 4)).astype(np.float32)
    patients = np.array([f"{place}" for place in range(LEAST_KNOWN)])
    keep_strangeness(store.objects, "run", embedding, patients)
    monkeypatch.setattr(strangeness, "fit_strangeness", None)
    keep_strangeness(store.objects, "run", embedding, patients)
    kept = load_strangeness(store.objects, "run")
    assert kept is not None
    np.testing.assert_array_equal(kept.known, embedding)


def test_of_few_images_nothing_is_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is not even asked what it makes of them."""
    put_snapshot(store, commit_squares(store, "few", 40))
    monkeypatch.setattr(strangeness, "ask_model", None)
    complete_strangeness(store, make_model(), "run", SNAPSHOT)
    assert load_strangeness(store.objects, "run") is None
