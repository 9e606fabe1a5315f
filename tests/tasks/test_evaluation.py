"""An evaluation leaves what its model is served by: answers in service are those that were judged."""

import logging
from pathlib import Path

import numpy as np
import pytest

from storage.predictions import load_predictions
from storage.shards import load_shard
from storage.store import Store
from storage.strangeness import load_strangeness
from tasks import evaluation
from tests.registering import only_model
from tests.tasks.seeing import CLASSES, SIDE, SNAPSHOT, commit_squares, make_model, put_snapshot
from xray_model.config import GatePolicy
from xray_model.evaluation.strangeness import LEAST_KNOWN
from xray_model.network import network
from xray_model.network.predictor import Predictor, load_predictor

TESTED = LEAST_KNOWN + 8


@pytest.fixture
def served(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predictor:
    """A saved model, and a snapshot of squares to judge it on, every fourth of which is in the test split."""
    path = tmp_path / "model.keras"
    network.save(make_model(), path)
    monkeypatch.setattr(evaluation, "Registry", only_model(path))
    put_snapshot(store, commit_squares(store, "known", 4 * TESTED))
    return load_predictor(path)


def judge(store: Store) -> None:
    """Evaluate the model as a challenger."""
    outcome = evaluation.evaluate_model.fn("run", "challenger", SNAPSHOT, "normal", GatePolicy(draws=100))
    assert outcome.predictions_key == f"predictions/run/{SNAPSHOT}-test.parquet"


@pytest.mark.parametrize("together", [1, 3, 32])
def test_service_answers_what_was_judged(store: Store, served: Predictor, together: int) -> None:
    """The predictor gives the stored predictions of an evaluation to 1e-6, however many images come together."""
    judge(store)
    table = load_predictions(store.objects, f"predictions/run/{SNAPSHOT}-test.parquet")
    places = table["image_id"].str.rpartition("-")[2].astype(int).to_numpy()
    pixels = load_shard(store.objects, "clinic.known.111111111111", 0)[places]
    for start in range(0, TESTED, together):
        found, stored = served.answer(pixels[start : start + together]), table[start : start + together]
        expected = stored[[f"p_{name}" for name in CLASSES]].to_numpy()
        np.testing.assert_allclose(found.probabilities, expected, rtol=0, atol=1e-6)
        assert list(found.predicted) == list(stored["predicted"])


def test_judged_model_tells_strange_images(store: Store, served: Predictor) -> None:
    """By what it made of the test images, a gray square like them is not strange, and a white one is."""
    judge(store)
    strangeness = load_strangeness(store.objects, "run")
    assert strangeness is not None
    assert len(strangeness.known) == TESTED
    new = commit_squares(store, "new", 40, seed=1)
    squares = load_shard(store.objects, new["batch_id"][0], 0)
    assert strangeness.find_strange(served.answer(squares).embedding).mean() < 0.1
    white = np.full((2, SIDE, SIDE), 255, np.uint8)
    assert strangeness.find_strange(served.answer(white).embedding).all()


def test_model_judged_by_few_images_says_so(store: Store, served: Predictor, caplog: pytest.LogCaptureFixture) -> None:
    """With too few test images nothing is kept that would call an image strange, and a warning tells."""
    put_snapshot(store, commit_squares(store, "few", 40))
    with caplog.at_level(logging.WARNING):
        judge(store)
    assert load_strangeness(store.objects, "run") is None
    assert "will call no image unlike its training" in caplog.text
