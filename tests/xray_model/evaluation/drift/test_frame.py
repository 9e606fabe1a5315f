"""Drift frames built from rows of the catalog and the champion's answers."""

import numpy as np
import pandas as pd
import pytest

from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.columns import EMBEDDING_AXES
from xray_model.evaluation.drift.frame import Axes, build_frame, fit_axes

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "image_id": ["a", "b", "c"],
        "patient_id": ["p", "p", "q"],
        "source": "ward",
        "sharpness": [0.0, 99.0, np.nan],
        "bits": [8, 16, None],
        "age": [60.0, np.nan, 3.0],
        "key": "incoming/ward/p.png",
    }
)


def test_columns_are_what_is_known() -> None:
    """Figures are taken over, the age is recorded or not, and nothing is carried that is not compared."""
    frame = build_frame(ROWS, ("x", "y"), None, None, None, None)
    assert list(frame) == ["image_id", "patient_id", "source", "bits", "age", "sharpness", "age_recorded"]
    assert frame["bits"].tolist()[:2] == ["8", "16"]
    assert frame["bits"].isna().tolist() == [False, False, True]
    assert frame["age_recorded"].tolist() == ["yes", "no", "yes"]
    assert frame["sharpness"][1] == pytest.approx(np.log(100))
    assert frame["sharpness"][0] == 0


def test_answers_of_learned_images_are_missing() -> None:
    """An image that the model has learned from has no probabilities, no class and no uncertainty."""
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0], [np.nan, np.nan]], np.float32)
    frame = build_frame(ROWS, ("x", "y"), probabilities, ["x", "x", "y"], None, None)
    assert frame["uncertainty"].tolist()[:2] == pytest.approx([1.0, 0.0])
    assert frame[["p_x", "p_y", "uncertainty", "predicted"]].iloc[2].isna().all()
    assert frame["predicted"].tolist()[:2] == ["x", "x"]


def test_embedding_stands_on_the_references_axes() -> None:
    """On its own axes the reference has mean 0 and deviation 1, the widest axis first, and a NaN row stays one."""
    embedding = RNG.normal(size=(200, 30)) * np.linspace(5, 1, 30)
    embedding[7] = np.nan
    axes = fit_axes(embedding)
    projected = axes.project(embedding)
    known = np.delete(projected, 7, axis=0)
    assert projected.shape == (200, EMBEDDING_AXES)
    assert known.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert known.std(axis=0) == pytest.approx(1, abs=1e-4)
    assert (np.diff(axes.scales) <= 0).all()
    assert np.isnan(projected[7]).all()


def test_axes_are_read_back() -> None:
    """Axes kept as one array project as before."""
    embedding = RNG.normal(size=(50, 8))
    axes = fit_axes(embedding)
    again = Axes.from_array(axes.to_array())
    assert again.project(embedding) == pytest.approx(axes.project(embedding), abs=1e-5)
    rows = ROWS.iloc[[0]]
    frame = build_frame(rows, (), None, None, embedding[:1], again)
    assert [name for name in frame if str(name).startswith("e_")] == [f"e_{axis:02d}" for axis in range(8)]


@pytest.mark.parametrize("embedding", [np.ones((5, 4)), np.full((5, 4), np.nan), np.ones((1, 4))])
def test_an_embedding_without_axes_is_refused(embedding: np.ndarray) -> None:
    """Where all images are alike, or none is known, there are no axes."""
    with pytest.raises(InvalidInput):
        fit_axes(embedding)


def test_embedding_of_another_model_is_refused() -> None:
    """Axes of as many features as the embedding are needed."""
    axes = fit_axes(RNG.normal(size=(20, 6)))
    with pytest.raises(InvalidInput, match="7 features"):
        axes.project(np.ones((2, 7)))
    with pytest.raises(InvalidInput, match="none were given"):
        build_frame(ROWS, (), None, None, np.ones((3, 6)), None)
