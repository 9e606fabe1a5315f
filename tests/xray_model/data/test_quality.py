"""The figures that say how images look, against the plain way of computing each."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xray_model.data.quality import QUALITY_FIGURES, measure_quality, perceptual_hashes, sketch_picture

Pixels = npt.NDArray[np.uint8]
PICTURES = arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def figures(picture: Pixels) -> dict[str, float]:
    """The figures of one picture."""
    return {name: column[0] for name, column in measure_quality([sketch_picture(picture)]).items()}


@given(PICTURES)
def test_gray_levels_are_counted_as_numpy_counts_them(picture: Pixels) -> None:
    """Extremes, mean, spread, entropy and saturation are those of the pixels."""
    found = figures(picture)
    shares = np.bincount(picture.ravel(), minlength=256) / picture.size
    present = shares[shares > 0]
    assert (found["min"], found["max"]) == (picture.min(), picture.max())
    assert found["mean"] == pytest.approx(picture.mean(), abs=1e-3)
    assert found["std"] == pytest.approx(picture.std(), abs=1e-2)
    assert found["entropy"] == pytest.approx(-(present * np.log2(present)).sum(), abs=1e-3)
    assert found["saturated"] == pytest.approx(np.isin(picture, (0, 255)).mean(), abs=1e-5)
    assert found["aspect"] == pytest.approx(picture.shape[1] / picture.shape[0], abs=1e-5)


@given(PICTURES)
def test_sharpness_is_the_variance_of_the_laplacian_on_every_second_row(picture: Pixels) -> None:
    """The Laplacian of the inner pixels of rows 1, 3, 5, ...; zero where there are none."""
    gray = picture.astype(float)
    edges = 4 * gray[1:-1, 1:-1] - gray[:-2, 1:-1] - gray[2:, 1:-1] - gray[1:-1, :-2] - gray[1:-1, 2:]
    expected = edges[::2].var() if edges.size else 0.0
    assert figures(picture)["sharpness"] == pytest.approx(expected, rel=1e-3, abs=0.05)


def test_a_frame_counts_as_border() -> None:
    """The share of the picture that uniform rows and columns at its edges take."""
    picture = np.random.default_rng(1).integers(0, 256, (100, 80)).astype(np.uint8)
    assert figures(picture)["border"] == 0
    picture[:10], picture[:, -20:] = 3, 7
    picture[:10, -20:] = 5
    assert figures(picture)["border"] == pytest.approx(1 - 90 * 60 / 8000)


@given(st.lists(PICTURES, min_size=1, max_size=6))
def test_many_pictures_at_once_are_described_as_one_by_one(pictures: list[Pixels]) -> None:
    """Figures and hashes do not depend on what else is described with them."""
    sketches = [sketch_picture(picture) for picture in pictures]
    together = measure_quality(sketches)
    for place, picture in enumerate(pictures):
        assert figures(picture) == pytest.approx({name: together[name][place] for name in QUALITY_FIGURES}, abs=2e-4)
    assert perceptual_hashes(sketches) == [perceptual_hashes([sketch])[0] for sketch in sketches]


def test_no_pictures_have_no_figures() -> None:
    """A shard of which nothing can be decoded has every column, and no value in it."""
    assert measure_quality([]) == {name: [] for name in QUALITY_FIGURES}
    assert perceptual_hashes([]) == []
