"""Negatives are told from positives, behind frames too."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xray_model.data.images import read_content
from xray_model.data.inversion import score_inversion
from xray_model.data.phantoms import Exposure, draw_body, draw_chest
from xray_model.data.quality import measure_quality, sketch_picture
from xray_model.data.records import DisplayHints

MOST_INVERTED = 0.5
"""The bound of the suite `pixels`."""
Pixels = npt.NDArray[np.uint8]
SMALL = arrays(np.uint8, (64, 64), elements=st.integers(0, 255), fill=st.integers(0, 255))


def scores(*pictures: Pixels) -> npt.NDArray[np.float64]:
    """How inverted pictures look."""
    return np.array(measure_quality([sketch_picture(picture) for picture in pictures])["inversion"])


def draw(seed: int, view: str) -> Pixels:
    """One drawn X-ray."""
    body = draw_body(np.random.default_rng([seed, 1]), "MF"[seed % 2], 30.0 + 7 * (seed % 8))
    return np.rint(draw_chest(body, Exposure(view), np.random.default_rng([seed, 2]), 256) * 255).astype(np.uint8)


def add_frame(picture: Pixels, gray: int, share: float, rng: np.random.Generator) -> Pixels:
    """The picture within a frame of this gray, each side of which is at most `share` of the picture's."""
    (top, bottom), (left, right) = (rng.uniform(0, share, (2, 2)) * np.array(picture.shape)[:, None]).astype(int)
    return np.pad(picture, ((top, bottom), (left, right)), constant_values=gray)


@given(SMALL, st.booleans())
def test_a_negative_scores_the_opposite_and_a_mirror_image_the_same(picture: Pixels, framed: bool) -> None:
    """Score of the negative = - score, whatever the picture."""
    versions = np.array([picture, 255 - picture, picture[:, ::-1]])
    score, negative, mirrored = score_inversion(versions, np.full(3, framed))
    assert negative == pytest.approx(-score, abs=1e-3)
    assert mirrored == pytest.approx(score, abs=1e-3)


def test_a_picture_without_structure_scores_zero() -> None:
    """Uniform pictures, and those of which nothing is left without the frame, are no negatives."""
    stripes = np.tile(np.arange(64, dtype=np.uint8)[:, None] * 4, (1, 64))
    flat = np.full((64, 64), 200, np.uint8)
    found = score_inversion(np.array([flat, stripes, stripes.T]), np.ones(3, np.bool_))
    assert found[0] == 0
    assert np.isfinite(found).all()


@pytest.mark.parametrize("view", ["PA", "AP", "L"])
@pytest.mark.parametrize("gray", [0, 128, 255])
def test_drawn_negatives_are_found_behind_any_frame(view: str, gray: int) -> None:
    """No drawing looks inverted, and each of their negatives does, within frames of up to 30 % of a side."""
    rng = np.random.default_rng(3)
    drawings = [draw(seed, view) for seed in range(8)]
    assert scores(*(add_frame(one, gray, 0.3, rng) for one in drawings)).max() < -MOST_INVERTED
    assert scores(*(add_frame(255 - one, gray, 0.3, rng) for one in drawings)).min() > MOST_INVERTED


@pytest.mark.real
def test_real_radiographs_are_told_from_their_negatives(shared_data: Path) -> None:
    """None of 2,201 looks inverted, and all their negatives do; within white frames one in 500 negatives is missed."""
    folder, rng = shared_data / "xray", np.random.default_rng(0)
    pictures = [
        read_content((folder / path).read_bytes(), DisplayHints(), 320).gray
        for path in pd.read_csv(folder / "manifest.csv")["path"]
    ]
    plain = scores(*pictures)
    assert plain.max() < -1.7
    assert scores(*(255 - picture for picture in pictures)).min() > 1.7
    for gray, missed in ((0, 0), (255, 4)):
        framed = [add_frame(picture, gray, 0.3, rng) for picture in pictures]
        assert (scores(*framed) > MOST_INVERTED).sum() == 0
        assert (scores(*(255 - picture for picture in framed)) <= MOST_INVERTED).sum() <= missed
