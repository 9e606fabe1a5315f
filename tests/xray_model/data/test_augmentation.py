"""Augmented views: made from the image, its id, a number and the options alone, upright, with black around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.config import Augmentation
from xray_model.data.augmentation import augmentation_digest, make_view, make_views

SIDE = 64
STILL = Augmentation(rotation=0, shear=0, zoom=0, shift=0, brightness=0, contrast=0, erase_borders=0)
MOST: dict[str, float | bool] = {
    "rotation": 45.0,
    "shear": 0.5,
    "zoom": 0.5,
    "shift": 0.5,
    "horizontal_flip": True,
    "brightness": 0.5,
    "contrast": 0.9,
    "erase_borders": 0.3,
}
MEANS = np.array(
    [
        [15, 28, 29, 28, 44, 64, 81, 56, 50, 77, 95, 79, 51, 90, 97, 82],
        [9, 31, 37, 41, 25, 66, 84, 78, 40, 85, 103, 82, 34, 63, 75, 52],
    ]
)
"""Of 4 by 4 blocks of the first two views of a ramp."""
views = st.integers(1, 2**31)


def picture(seed: int = 0, margin: int = 8) -> np.ndarray:
    """Canonical pixels uint8 [64, 64]: gray levels from 40 to 215 between black margins left and right."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    inside = np.random.default_rng(seed).integers(40, 216, (SIDE, SIDE - 2 * margin))
    pixels[:, margin : SIDE - margin] = inside
    return pixels


def halves(*, upper: int, lower: int) -> np.ndarray:
    """Two gray halves, one above the other."""
    return np.repeat(np.array([upper, lower], np.uint8), SIDE // 2)[:, None].repeat(SIDE, axis=1)


def test_view_0_is_the_image_itself() -> None:
    """View 0 has the very pixels, whatever the options."""
    assert np.array_equal(make_view(picture(), "a", 0, Augmentation()), picture())
    assert np.array_equal(make_views(picture()[None], ["a"], 0, Augmentation()), picture()[None])


@given(view=views)
def test_a_view_follows_from_image_id_number_and_options(view: int) -> None:
    """The same four give the same pixels, and the image is left as it was."""
    pixels = picture()
    first = make_view(pixels, "a", view, Augmentation())
    assert np.array_equal(pixels, picture())
    assert first.dtype == np.uint8
    assert first.shape == pixels.shape
    assert np.array_equal(make_views(pixels[None], ["a"], view, Augmentation())[0], first)
    assert not np.array_equal(make_view(pixels, "a", view + 1, Augmentation()), first)
    assert not np.array_equal(make_view(pixels, "b", view, Augmentation()), first)


@given(view=views)
def test_nothing_asked_for_is_nothing_done(view: int) -> None:
    """A view under options that are all zero has the image's own pixels."""
    assert np.array_equal(make_view(picture(), "a", view, STILL), picture())


@pytest.mark.parametrize("option", Augmentation.model_fields)
def test_every_option_is_really_applied(option: str) -> None:
    """Each option alone changes views, and the digest under which their features are kept."""
    alone = STILL.model_copy(update={option: MOST[option]})
    changed = [not np.array_equal(make_view(picture(), "a", view, alone), picture()) for view in range(1, 21)]
    assert sum(changed) >= 5
    assert augmentation_digest(alone) != augmentation_digest(STILL)


@given(view=views)
def test_padding_stays_black(view: int) -> None:
    """Brightness and contrast change the picture, and never the padding around it."""
    toned = STILL.model_copy(update={"brightness": 0.5, "contrast": 0.9})
    seen = make_view(picture(margin=8), "a", view, toned)
    assert not seen[:, :8].any()
    assert not seen[:, -8:].any()


@given(view=views)
def test_what_is_moved_in_is_black(view: int) -> None:
    """A white picture is white or black after any move, but for the edge between the two."""
    white = np.full((SIDE, SIDE), 255, np.uint8)
    seen = make_view(white, "a", view, Augmentation(brightness=0, contrast=0, erase_borders=0))
    assert set(np.unique(seen)) <= {0, 255}
    assert (seen == 255).mean() > 0.4


@given(view=views)
def test_a_chest_never_stands_on_its_head(view: int) -> None:
    """The upper half stays above in every view, flips allowed, and there is no option that turns it down."""
    seen = make_view(halves(upper=200, lower=60), "a", view, Augmentation(horizontal_flip=True)).astype(float)
    assert seen[: SIDE // 2].mean() > seen[SIDE // 2 :].mean()
    assert [name for name in Augmentation.model_fields if "flip" in name] == ["horizontal_flip"]


@given(view=views)
def test_left_stays_left_unless_flips_are_asked_for(view: int) -> None:
    """By default the left of a picture is never on the right."""
    pixels = halves(upper=200, lower=60).T.copy()
    seen = make_view(pixels, "a", view, Augmentation()).astype(float)
    assert seen[:, : SIDE // 2].mean() > seen[:, SIDE // 2 :].mean()


def test_every_second_view_is_flipped_where_asked() -> None:
    """With flips on and all else off, about half of the views are mirror images and the others the image itself."""
    flipping = STILL.model_copy(update={"horizontal_flip": True})
    seen = [make_view(picture(), "a", view, flipping) for view in range(1, 101)]
    mirrored = sum(np.array_equal(one, picture()[:, ::-1]) for one in seen)
    assert sum(np.array_equal(one, picture()) for one in seen) == 100 - mirrored
    assert 30 < mirrored < 70


def test_strips_are_erased_at_all_four_borders_and_nowhere_else() -> None:
    """What is erased touches a border of the picture, none deeper than asked for, and every border has its turn."""
    pixels = picture(margin=8)
    erasing = STILL.model_copy(update={"erase_borders": 0.2})
    erased = np.zeros(pixels.shape, bool)
    for view in range(1, 201):
        erased |= make_view(pixels, "a", view, erasing) != pixels
    assert not erased[13:-13, 18:-18].any()
    inside = erased[:, 8:-8]
    assert inside[0].any()
    assert inside[-1].any()
    assert inside[:, 0].any()
    assert inside[:, -1].any()


def test_another_way_of_drawing_needs_another_digest() -> None:
    """The views kept in caches are those that are made now: where this fails, raise `_METHOD` with the new numbers."""
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8)
    means = [make_view(ramp, "a", view, Augmentation()).reshape(4, 16, 4, 16).mean(axis=(1, 3)) for view in (1, 2)]
    assert augmentation_digest(Augmentation()) == "6e39d52879d3e366"
    assert np.abs(np.stack(means).reshape(2, 16) - MEANS).max() <= 1
