"""The predictor: it answers as the gate judged, whatever comes together, before and after a model is saved."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from xray_model.errors import InvalidInput
from xray_model.network import inference, network
from xray_model.network.explain import explain
from xray_model.network.extractor import SIZES
from xray_model.network.predictor import Answers, Predictor, load_predictor

if TYPE_CHECKING:
    from tests.xray_model.network.conftest import Small

SIDE = 80


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.uint8]:
    """More than are answered at a time, uint8 [69, 80, 80]."""
    return np.random.default_rng(1).integers(0, 256, (SIZES[-1] + 5, SIDE, SIDE)).astype(np.uint8)


def ask(predictor: Predictor, images: npt.NDArray[np.uint8], together: int) -> Answers:
    """The answers to all images, so many at a time."""
    parts = [predictor.answer(images[start : start + together]) for start in range(0, len(images), together)]
    columns = zip(*[(part.probabilities, part.predicted, part.embedding) for part in parts], strict=True)
    return Answers(*(np.concatenate(column) for column in columns))


@pytest.fixture
def saved(build: "Callable[[str], Small]", tmp_path: Path) -> Callable[[str], Path]:
    """Saves a small model and says where."""

    def save(name: str) -> Path:
        network.save(build(name).model, tmp_path / f"{name}.keras")
        return tmp_path / f"{name}.keras"

    return save


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("basic_cnn", 1e-6),
        ("mobilenet_v2", 1e-6),
        # A product of matrices of another size is rounded otherwise, and so now and then is a feature to float16.
        pytest.param("vit_b16", 1e-4, marks=pytest.mark.slow),
    ],
)
def test_answers_are_what_the_gate_judged(
    name: str, most: float, build: "Callable[[str], Small]", saved: Callable[[str], Path], images: npt.NDArray[np.uint8]
) -> None:
    """One, three or more images at a time, saved and loaded: what the head makes of features kept as float16."""
    frozen, head = network.split(build(name).model)
    features = inference.compute_features(frozen, images)
    judged = inference.predict_features(head, features)
    path = saved(name)
    seen = inference.predict_features(network.embedding(network.split(network.load(path))[1]), features)
    predictor = load_predictor(path)
    assert (predictor.side, predictor.classes) == (SIDE, ("covid", "normal"))
    for together in (1, 3, SIZES[-1], len(images)):
        found = ask(predictor, images, together)
        np.testing.assert_allclose(found.probabilities, judged, rtol=0, atol=most)
        np.testing.assert_allclose(found.embedding, seen, rtol=0, atol=20 * most)
        assert found.embedding.dtype == found.probabilities.dtype == np.float32


def test_stored_decision_weights_choose_the_class(
    build: "Callable[[str], Small]", images: npt.NDArray[np.uint8]
) -> None:
    """A class that weighs next to nothing is not called, however probable it is."""
    model = build("basic_cnn").model
    layer = network.probabilities_layer(model)
    before = layer.decision_weights
    try:
        layer.decision_weights = (1.0, 1e-9)
        predictor = Predictor(model)
        assert predictor.decision_weights == (1.0, 1e-9)
        assert set(predictor.answer(images[:3]).predicted) == {"covid"}
    finally:
        layer.decision_weights = before


def test_no_image_gets_no_answer(build: "Callable[[str], Small]") -> None:
    """Of no image at all the answers are empty and have their columns."""
    found = Predictor(build("basic_cnn").model).answer(np.zeros((0, SIDE, SIDE), np.uint8))
    assert found.probabilities.shape == (0, 2)
    assert (len(found.predicted), len(found.embedding)) == (0, 0)


def test_warmed_up_predictor_meets_no_new_size(
    saved: Callable[[str], Path], images: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a warm-up no number of images gives the network a batch of a size that it has not answered before."""
    predictor = load_predictor(saved("mobilenet_v2"))
    met: list[int] = []
    own = predictor._extract._forward

    def watch(batch: npt.NDArray[np.uint8]) -> Any:
        met.append(len(batch))
        return own(batch)

    monkeypatch.setattr(predictor._extract, "_forward", watch)
    predictor.warm_up()
    known = set(met)
    met.clear()
    for count in (3, 7, 20, len(images)):
        assert len(predictor.answer(images[:count]).predicted) == count
    assert met == [4, 8, 32, 64, 8]
    assert set(met) <= known


def test_predictor_explains_as_the_model_does(saved: Callable[[str], Path], images: npt.NDArray[np.uint8]) -> None:
    """Its heat maps are those of the model; a class that it does not know is refused."""
    path = saved("mobilenet_v2")
    predictor = load_predictor(path)
    expected = explain(network.load(path), images[:2], "covid")
    np.testing.assert_allclose(predictor.explain(images[:2], "covid"), expected, atol=1e-5)
    with pytest.raises(InvalidInput, match="does not know the class"):
        predictor.explain(images[:1], "measles")
