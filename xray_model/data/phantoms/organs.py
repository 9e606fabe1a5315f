"""The soft organs and the gas of one body, as slices to be cast into shadows."""

import numpy as np
import numpy.typing as npt

from xray_model.data.phantoms.body import CAGE, Body, borders_of_lung, bow_of_spine, fullness_of_cage
from xray_model.data.phantoms.projection import ROWS, Slices

SIDES = (-1, 1)
"""The patient's right and left."""


def build_trunk(body: Body, *, arms_up: bool = False) -> Slices:
    """Neck, shoulders and trunk; with raised arms the shoulders are no wider than the trunk."""
    fat, low = 3.6 * body.build, body.shoulders
    side = CAGE * body.cage_width + 1.6 + fat
    neck = 5.4 + 1.6 * body.build
    out = np.interp(
        ROWS,
        [-16, -7 + low, -4 + low, -1.5 + low, 1.0 + low, 3.5 + low, 8.0, 11.0, 14.0, 20.0, 46.0],
        [neck, neck, neck + 1.4, 11.5, 17.5, 20.0, side + 2.3, side + 0.9, side, side - 0.2, side + 0.6 * fat],
    )
    smooth = np.hanning(9) / np.hanning(9).sum()
    out = np.convolve(np.pad(out, 4, mode="edge"), smooth, "valid")
    deep = np.interp(ROWS, [-16, -6, -1, 4, 9, 15, 22, 46], [5.5, 5.8, 7.0, 9.2, 10.8, 11.6, 12.0, 12.0 + 0.4 * fat])
    deep = deep * (0.4 + 0.6 * body.cage_depth) + 0.45 * fat
    if arms_up:
        out = np.minimum(out, side)
        deep = deep + np.interp(ROWS, [-8, 0, 8], [0.0, 2.0, 0.6])
    return _slices(bow_of_spine(body) * 0.4, 0.1 * fat - 1.0, out, deep, blunt=True)


def build_lung(body: Body, side: int) -> Slices:
    """One lung as far as its posterior recess."""
    full = fullness_of_cage(body)
    base = np.clip((27.0 * body.lung_height - ROWS) / 3.5, 0.0, 1.0) ** 0.5
    inner, outer = borders_of_lung(body)
    centre = side * (inner + outer) / 2 + 0.6 * bow_of_spine(body)
    deep = 8.7 * body.cage_depth * full**0.8
    return _slices(centre, -0.6 - 0.9 * (1 - full), (outer - inner) / 2 * base**0.25, deep * base, blunt=True)


def build_dome(body: Body, side: int, breath: float) -> Slices:
    """One half of the diaphragm with what lies below it; `breath` (cm) lowers it."""
    top = 21.4 * body.lung_height - 0.9 * (side < 0) - body.domes[side > 0] + breath
    part = np.clip((ROWS - top) / 10.0, 0.0, 1.0)
    curve = np.sqrt(np.clip(1.0 - (1.0 - part) ** 2, 0.0, None))
    return _slices(side * 6.6 * body.cage_width, 1.3, 9.3 * body.cage_width * curve, 9.0 * curve, blunt=True)


def build_mediastinum(body: Body) -> list[Slices]:
    """Great vessels and heart: what displaces lung in the middle."""
    middle, heart, tall = bow_of_spine(body) * 0.7, body.heart, body.lung_height
    column = np.interp(ROWS, [-16, -2, 1, 3, 5, 9, 12, 18, 24, 46], [3.6, 3.2, 3.0, 3.3, 3.1, 2.9, 3.0, 3.3, 3.6, 3.6])
    aorta = np.where((ROWS > 7) & (ROWS < 30), 1.35 + 0.15 * body.aorta, 0.0)
    return [
        _slices(middle + 0.15, -1.0, column + 0.5 * body.build, 7.0),
        _slices(2.0 + 0.4 * body.aorta, -5.2, aorta, aorta),
        _ball((2.0 + 0.5 * body.aorta, 6.6 * tall, -2.0), (2.0 + 0.35 * body.aorta, 2.0, 3.6)),
        _ball((1.6 * heart, 10.4 * tall, 3.0), (2.5 * heart, 2.9, 3.0)),
        _ball((-1.0 * heart, 16.4 * tall, 1.5), (4.0 * heart, 5.6 * heart, 6.6)),
        _ball((2.8 * heart, 16.8 * tall, 2.4), (6.0 * heart, 6.4 * heart, 7.0), lean=0.32),
        _ball((6.4 * heart, 21.3 * tall, 4.0), (3.0 * heart, 2.0, 3.0)),
    ]


def build_breast(body: Body, side: int) -> Slices:
    """One breast in front of the trunk: fading out above, round below."""
    size = 4.2 + 0.5 * body.breast
    down = (ROWS - (15.2 + 0.5 * body.breast)) / np.where(15.2 + 0.5 * body.breast < ROWS, size, 2.0 * size)
    curve = np.sqrt(np.clip(1.0 - down**2, 0.0, None))
    fade = np.where(down > 0, 1.0, np.clip(1.0 + down, 0.0, 1.0) ** 1.3)
    return _slices(side * (8.4 + 0.4 * body.breast), 11.0, (size + 1.6) * curve, 0.5 * body.breast * curve * fade)


def build_arm(body: Body, side: int) -> Slices:
    """An arm hanging beside the trunk."""
    out = CAGE * body.cage_width + 5.8 + 3.6 * body.build
    half = np.interp(ROWS, [2, 6, 14, 40], [0.0, 3.2, 4.0, 3.4]) * (0.85 + 0.4 * body.build)
    return _slices(side * (out + 0.12 * ROWS), -1.0, half, half)


def build_airway(body: Body) -> list[Slices]:
    """Trachea and main bronchi."""
    middle, fork = bow_of_spine(body) * 0.7 - 0.25, 8.6 * body.lung_height
    trachea = np.where((ROWS > -14) & (fork + 0.4 > ROWS), 0.95, 0.0)
    tubes = [_slices(middle - 0.03 * np.clip(ROWS, 0, None), -2.5, trachea, trachea)]
    for side, slope, end in ((-1, 0.75, 11.3), (1, 1.05, 11.6)):
        along = np.clip(ROWS - fork, 0, None)
        there = (fork - 0.3 < ROWS) & (end * body.lung_height > ROWS)
        tubes.append(_slices(middle + side * (0.35 + slope * along), -3.0, 0.85 * there, 0.65 * there))
    return tubes


def build_gas(body: Body, rng: np.random.Generator, breath: float) -> list[Slices]:
    """Gas in the stomach and the bowel."""
    top = 22.6 * body.lung_height - body.domes[1] + breath
    size = rng.uniform(1.0, 3.2), rng.uniform(0.7, 1.5), 2.0
    bubbles = [_ball((6.0 + rng.normal(0, 0.8), top + 2.4, 3.0), size)]
    for _ in range(int(rng.integers(0, 6))):
        where = rng.uniform(-2, 12), top + rng.uniform(4, 10), 5.0
        bubbles.append(_ball(where, (rng.uniform(0.6, 1.8), rng.uniform(0.5, 1.2), 0.8)))
    return bubbles


def _ball(centre: tuple[float, float, float], half: tuple[float, float, float], *, lean: float = 0.0) -> Slices:
    """An ellipsoid; `lean` shifts it sideways per centimetre downwards."""
    down = ROWS - centre[1]
    part = np.sqrt(np.clip(1.0 - (down / half[1]) ** 2, 0.0, None))
    return _slices(centre[0] + lean * down, centre[2], half[0] * part, half[2] * part)


def _slices(
    x: npt.ArrayLike, z: npt.ArrayLike, half_x: npt.ArrayLike, half_z: npt.ArrayLike, *, blunt: bool = False
) -> Slices:
    rows = [np.broadcast_to(np.asarray(a, dtype=np.float32), ROWS.shape) for a in (x, z, half_x, half_z)]
    return Slices(rows[0], rows[1], rows[2], rows[3], blunt)
