"""Looks at images: what is hidden is hidden whole, and what is shown is untouched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.config import Augmentation
from xray_model.data.looks import AS_THEY_ARE, LUNGS_ALONE, LUNGS_HIDDEN, AugmentedView, Look

Pixels = np.ndarray


def draw(side: int, images: int = 3) -> Pixels:
    """uint8 [images, side, side]."""
    return np.random.default_rng(side).integers(0, 256, (images, side, side)).astype(np.uint8)


@given(st.integers(8, 64))
def test_the_two_masks_share_the_picture_out(side: int) -> None:
    """Each pixel is shown by one of them and by the other hidden; the middle holds three quarters of each side."""
    pixels = draw(side)
    hidden, alone = (look.show(pixels, ["a", "b", "c"]) for look in (LUNGS_HIDDEN, LUNGS_ALONE))
    gray = pixels.mean(axis=(1, 2)).round().astype(np.uint8)[:, None, None]
    assert np.array_equal(np.where(hidden == gray, alone, hidden), np.where(pixels == gray, gray, pixels))
    middle = side // 2
    assert (hidden[:, middle, middle] == gray[:, 0, 0]).all()
    assert np.array_equal(hidden[:, 0], pixels[:, 0])
    assert np.array_equal(alone[:, middle, middle], pixels[:, middle, middle])
    shown = (alone[0] == pixels[0]).any(axis=0)
    assert shown.sum() >= round(0.7 * side)


def test_a_mark_in_a_corner_is_seen_without_the_lungs() -> None:
    """What is burned into a corner stays where the lungs are hidden, and goes where only they are shown."""
    pixels = draw(320, 1)
    pixels[:, :30, :30] = 255
    assert (LUNGS_HIDDEN.show(pixels, ["a"])[:, :30, :30] == 255).all()
    assert not (LUNGS_ALONE.show(pixels, ["a"])[:, :30, :30] == 255).any()


@pytest.mark.parametrize("look", [AS_THEY_ARE, AugmentedView(1), LUNGS_HIDDEN, LUNGS_ALONE])
def test_the_pixels_given_stay_as_they_are(look: Look) -> None:
    """A look shows a picture of its own."""
    pixels = draw(32)
    before = pixels.copy()
    look.show(pixels, ["a", "b", "c"])
    assert np.array_equal(pixels, before)


def test_every_look_has_a_mark_of_its_own() -> None:
    """No two share a place in the feature cache; that of the images as they are is empty."""
    looks: list[Look] = [
        AS_THEY_ARE,
        AugmentedView(1),
        AugmentedView(2),
        AugmentedView(1, Augmentation(rotation=9)),
        LUNGS_HIDDEN,
        LUNGS_ALONE,
    ]
    assert len({look.mark for look in looks}) == len(looks)
    assert AS_THEY_ARE.mark == ""
