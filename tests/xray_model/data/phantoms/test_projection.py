"""Shadows: geometry that can be worked out on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data.phantoms.grains import Grains, scatter
from xray_model.data.phantoms.projection import ROWS, Pose, Slices, cast


def pose(*, turn: float = 0.0, source: float = 1e6) -> Pose:
    """A field of 40 x 40 cm around the height 10 cm, in cells of 2 mm."""
    return Pose(turn=turn, tilt=0.0, source=source, left=-20.0, top=-10.0, pixel=0.2, height=200, width=200)


def ball(radius: float, *, z: float = 0.0, stretch: float = 1.0) -> Slices:
    """A ball around (0, 10, z), `stretch` times as deep as wide."""
    half = np.sqrt(np.clip(radius**2 - (ROWS - 10.0) ** 2, 0.0, None)).astype(np.float32)
    return Slices(np.zeros_like(ROWS), np.full_like(ROWS, z), half, half * np.float32(stretch))


def thickness(organ: Slices, view: Pose) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Length of every ray in the organ (cm)."""
    grid = np.zeros((view.height, view.width), dtype=np.float32)
    cast(organ, view).add_to(grid)
    return grid


@given(radius=st.floats(3.0, 8.0), turn=st.floats(-1.5, 1.5), stretch=st.floats(0.6, 1.6))
def test_a_shadow_holds_the_volume_of_its_organ(radius: float, turn: float, stretch: float) -> None:
    """From whatever side one looks, the thicknesses of an ellipsoid add up to its volume, within 2 percent."""
    grid = thickness(ball(radius, stretch=stretch), pose(turn=turn))
    assert float(grid.sum()) * 0.2**2 == pytest.approx(4 / 3 * np.pi * radius**3 * stretch, rel=0.02)


@given(turn=st.floats(-1.5, 1.5))
def test_overlap_is_what_two_organs_share(turn: float) -> None:
    """A small ball inside a large one shares all of its length; one behind it shares none."""
    view = pose(turn=turn)
    large, inside, behind = ball(8.0), ball(3.0), ball(3.0, z=-15.0)
    for small, share in ((inside, 1.0), (behind, 0.0)):
        grid = np.zeros((view.height, view.width), dtype=np.float32)
        cast(large, view).mark_overlap(cast(small, view), grid)
        assert grid.sum() == pytest.approx(share * thickness(small, view).sum(), rel=1e-3, abs=1e-3)


def test_what_lies_in_front_is_larger_from_the_front() -> None:
    """An organ in front of the middle, as the heart is, casts a larger shadow in an AP view than in a PA view."""
    heart = ball(5.0, z=4.0)
    widths = {name: (thickness(heart, pose(source=source)) > 0).any(axis=0).sum() for name, source in
              (("PA", 170.0), ("AP", -100.0))}  # fmt: skip
    assert widths["PA"] < 50 < widths["AP"]


@given(st.lists(st.tuples(st.floats(-15, 15), st.floats(-5, 25), st.floats(-8, 8)), min_size=1, max_size=50))
def test_grains_keep_their_volume(points: list[tuple[float, float, float]]) -> None:
    """All grains within the field are found in the shadow, wherever they lie."""
    grains = Grains(np.array(points, dtype=np.float32), np.full(len(points), 0.5, dtype=np.float32))
    assert scatter(grains, pose()).sum() * 0.2**2 == pytest.approx(0.5 * len(points), rel=1e-4)
