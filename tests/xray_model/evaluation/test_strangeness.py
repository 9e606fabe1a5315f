"""Strangeness: what lies far from all known images is strange, what is like them is not."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.errors import InvalidInput
from xray_model.evaluation.strangeness import LEAST_KNOWN, MOST_KNOWN, Strangeness, fit_strangeness

FEATURES = 24


def draw(images: int, seed: int, spread: float = 1.0) -> npt.NDArray[np.float32]:
    """Embeddings [n, d] of one cloud."""
    return np.random.default_rng(seed).normal(0, spread, (images, FEATURES)).astype(np.float32)


def owners(images: int, each: int = 1) -> npt.NDArray[np.str_]:
    """Patients of so many images each."""
    return np.array([f"patient{place // each}" for place in range(images)])


@pytest.mark.parametrize("images", [LEAST_KNOWN, 600])
def test_new_images_of_the_same_kind_are_hardly_ever_strange(images: int) -> None:
    """Of images drawn as the known ones were, at most 2 in 100 are strange; of those spread widely, all are."""
    strangeness = fit_strangeness(draw(images, 0), owners(images))
    assert strangeness.find_strange(draw(2000, 1)).mean() <= 0.02
    assert strangeness.find_strange(draw(200, 2, spread=6)).all()


def test_what_known_images_do_not_differ_by_makes_strange() -> None:
    """An image like the known ones in all they differ by is strange for a feature that none of them shows."""
    known = draw(300, 0)
    known[:, -1] = 0
    new = draw(50, 1)
    new[:, -1] = 30
    strangeness = fit_strangeness(known, owners(300))
    assert strangeness.find_strange(new).all()
    new[:, -1] = 0
    assert strangeness.find_strange(new).mean() < 0.1


def test_images_of_one_patient_do_not_tell_how_far_others_lie() -> None:
    """Several nearly equal images of each patient leave the limit about where it is with one image each."""
    once = draw(200, 0)
    many = np.repeat(once, 3, axis=0) + draw(600, 1, spread=1e-3)
    one, three = fit_strangeness(once, owners(200)).limit, fit_strangeness(many, owners(600, each=3)).limit
    assert abs(one - three) < 0.02 * one


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.integers(LEAST_KNOWN, 150))
def test_known_images_are_never_strange_and_no_numbers_always(seed: int, spread: float, images: int) -> None:
    """Whatever the cloud, a known image is not strange, one without numbers is, also after it was stored."""
    known = draw(images, seed, spread)
    fitted = fit_strangeness(known, owners(images))
    stored = Strangeness.from_array(fitted.to_array())
    assert stored.limit == fitted.limit
    broken = np.full((1, FEATURES), np.nan, np.float32)
    for strangeness in (fitted, stored):
        assert not strangeness.find_strange(known).any()
        assert strangeness.find_strange(broken).all()
        assert strangeness.find_strange(known[:0]).shape == (0,)


def test_what_cannot_be_told_apart_from_known_images_is_not_strange() -> None:
    """Where a dead network gives all images one embedding, none that has it is strange, whatever its length."""
    known = np.tile(draw(1, 0, spread=1e3), (150, 1))
    strangeness = fit_strangeness(known, owners(150))
    for images in (1, 7, 150):
        assert not strangeness.find_strange(known[:images]).any()
    assert strangeness.find_strange(known[:3] + 1).all()


def test_a_large_reference_is_sampled() -> None:
    """No more than a bounded number of images is kept, none of them without numbers, the same each time."""
    embedding = draw(MOST_KNOWN + 500, 0)
    embedding[::7] = np.nan
    first, second = (fit_strangeness(embedding, owners(len(embedding))) for _ in range(2))
    assert len(first.known) == MOST_KNOWN
    assert np.isfinite(first.known).all()
    np.testing.assert_array_equal(first.to_array(), second.to_array())


def test_what_cannot_tell_is_refused() -> None:
    """Too few images, one patient alone, and an embedding of another model are errors that say so."""
    with pytest.raises(InvalidInput, match="are needed to tell"):
        fit_strangeness(draw(LEAST_KNOWN - 1, 0), owners(LEAST_KNOWN - 1))
    with pytest.raises(InvalidInput, match="all images are of one patient"):
        fit_strangeness(draw(LEAST_KNOWN, 0), owners(LEAST_KNOWN, each=LEAST_KNOWN))
    with pytest.raises(InvalidInput, match="different models"):
        fit_strangeness(draw(200, 0), owners(200)).find_strange(draw(3, 1)[:, :5])
