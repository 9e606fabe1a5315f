"""Bones: thin shells of ribs, clavicles, shoulder blades, arms and sternum, and the vertebrae."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xray_model.data.phantoms.body import Body, borders_of_lung, bow_of_spine, fullness_of_cage
from xray_model.data.phantoms.grains import Grains, grow_tubes, join, scatter
from xray_model.data.phantoms.projection import ROWS, Array, Pose, Slices, cast

WALL = 0.16
"""Thickness (cm) of cortical bone."""
DENSER = 2.5
"""Attenuation that a centimetre of cortical bone adds, in centimetres of water."""
FRONT = np.array([0, 0, 1], dtype=np.float32)

Point = npt.NDArray[np.floating]
"""x, y, z (cm)."""


def shade_bones(body: Body, pose: Pose, arms: float | None) -> Array:
    """Attenuation (cm of water) that the bones add.

    Args:
        body: the patient.
        pose: the view.
        arms: 0 at the sides to 1 turned well out of the lungs; None raised, with the collarbones, out of the picture.
    """
    parts = [_ribs(body), _sternum(body)]
    if arms is not None:
        shoulder = _shoulder(body, arms)
        parts += [_clavicles(body), shoulder, shoulder.mirrored(), _arches(body)]
    return (scatter(join(parts), pose) * DENSER + _vertebrae(body, pose)) * np.float32(body.bone)


@lru_cache(maxsize=1)
def _rib_angles() -> tuple[Array, Array]:
    """Numbers of the ribs [12, 1] and angles about the long axis [12, 200], 0 at the back."""
    ends = np.array([146, 146, 148, 148, 147, 144, 140, 134, 126, 116, 96, 62], dtype=np.float32)[:, None]
    part = np.linspace(0.0, 1.0, 200, dtype=np.float32) ** 0.9
    return np.arange(12, dtype=np.float32)[:, None], np.deg2rad(8.0 + part * (ends - 8.0)).astype(np.float32)


def _ribs(body: Body) -> Grains:
    """Arcs about the cage, lower in front than at the back, that end before the sternum."""
    number, angle = _rib_angles()
    tall = body.lung_height
    start = (0.6 + 2.28 * number) * tall
    drop = np.interp(number, [0, 1, 3, 6, 9, 11], [2.2, 4.4, 7.4, 9.6, 9.2, 7.0]) * body.rib_slope * tall
    cos, sin = np.cos(angle), np.sin(angle)
    y = start + drop * (1.0 - cos) / 2.0 - 0.5 * np.exp(-(((angle - 0.5) / 0.3) ** 2))
    full = np.interp(y, ROWS, fullness_of_cage(body))
    x = (np.interp(y, ROWS, borders_of_lung(body)[1]) + 0.35) * sin
    z = -1.0 - 9.3 * body.cage_depth * full**0.8 * cos
    height = np.interp(number, [0, 2, 8, 11], [0.5, 0.66, 0.68, 0.5]) * body.rib_size
    right = grow_tubes(np.stack([-x, y, z], -1), np.stack([-sin, 0 * sin, -cos], -1), height, 0.28, 11, WALL)
    right = _fade(right, angle.shape, 0.03, 0.25)
    # Seen end-on at the wall, thin-walled tubes would shine: there the muscle between the ribs evens them out.
    right.volumes.reshape(*angle.shape, -1)[...] *= (1 - 0.5 * np.exp(-((cos / 0.35) ** 2)))[..., None]
    left = right.mirrored()
    axis = np.broadcast_to(np.interp(start, ROWS, bow_of_spine(body))[..., None], (*angle.shape, 11)).reshape(-1)
    for half in (right, left):
        half.points[:, 0] += axis
    return join([right, left])


def _clavicles(body: Body) -> Grains:
    part = np.linspace(0.0, 1.0, 170, dtype=np.float32)
    reach = 17.0 * (0.5 + 0.5 * body.cage_width)
    y = 5.2 + (body.shoulders - 3.4) * part - (0.3 + 0.6 * body.clavicle) * np.sin(1.6 * np.pi * part)
    z = 6.8 - 5.2 * part + 1.4 * body.clavicle * np.sin(2 * np.pi * part)
    path = np.stack([1.6 + (reach - 1.6) * part, y, z], axis=-1)[None]
    thick = 0.62 + 0.45 * np.exp(-((part / 0.12) ** 2)) + 0.15 * part
    left = _fade(grow_tubes(path, FRONT, thick[None], 0.5, 14, WALL * 1.7), path.shape[:2], 0.05, 0.05)
    return join([left, left.mirrored()])


def _shoulder(body: Body, arms: float) -> Grains:
    """The left shoulder blade with its spine, and the upper arm."""
    low = body.shoulders
    joint = np.array([16.8 * (0.5 + 0.5 * body.cage_width) + 1.8 * arms, 4.2 + low, -2.5 + arms])
    inner = 9.3 + 4.6 * arms
    top = np.array([inner + 0.4, 2.6 + low, -8.0])
    tip = np.array([inner + 1.2, 15.5 + 0.6 * low, -8.6])
    neck = joint + np.array([-1.2, 0.8, 0.0])
    edge = grow_tubes(_bend(tip, neck, np.array([-0.8, 0.5, 0]), 90), FRONT, 0.4, 0.3, 9, WALL * 0.4)
    edge = _fade(edge, (1, 90), 0.35, 0.1)
    medial = grow_tubes(_bend(top, tip, np.array([-0.9, 0, 0]), 90), FRONT, 0.25, 0.25, 8, WALL * 0.3)
    ridge = _bend(top + np.array([0.3, 1.8, 0]), joint + np.array([0.6, -2.6, 0.5]), np.array([0, -0.8, 0]), 90)
    spur = grow_tubes(ridge, FRONT, 0.42, 0.42, 10, WALL * 0.6)
    elbow = joint + np.array([3.0 + 6.0 * arms, 22.0 - 6.0 * arms, 1.0])
    shaft = grow_tubes(_bend(joint + np.array([1.3, 1.0, 0.5]), elbow, np.zeros(3), 170), FRONT, 1.1, 1.1, 14, WALL)
    shaft = _fade(shaft, (1, 170), 0.1, 0.0)
    a, b = _triangle()
    plate = (top * a + tip * b + neck * (1 - a - b)).astype(np.float32)
    head = (joint + [1.0, 0, 0] + _globe() * 2.4).astype(np.float32)
    return join(
        [
            *(edge, medial, spur, shaft),
            Grains(plate, np.full(len(plate), 7.0 / len(plate), dtype=np.float32)),
            Grains(head, np.full(len(head), 0.2 * 4 * np.pi * 2.4**2 / len(head), dtype=np.float32)),
        ]
    )


def _sternum(body: Body) -> Grains:
    end = np.array([0.0, 19.0 * body.lung_height, 10.0 * body.cage_depth])
    return grow_tubes(
        _bend(np.array([0.0, 3.4, 7.8]), end, np.array([0, 0, 0.8]), 110), FRONT, 1.7, 0.5, 14, WALL * 0.5
    )


def _arches(body: Body) -> Grains:
    """Pedicles (an owl's eyes) and spinous processes of the vertebrae."""
    centres = (0.6 + 2.28 * np.arange(-5, 17)) * body.lung_height
    axis = np.interp(centres, ROWS, bow_of_spine(body))
    ring = _ring()
    grains = []
    for x, z, wide, tall in ((-1.25, -8.0, 0.42, 0.6), (1.25, -8.0, 0.42, 0.6), (0.0, -10.2, 0.28, 0.75)):
        at = np.stack([axis + x, centres + (0.8 if x == 0 else 0.0), np.full_like(axis, z)], axis=-1)
        grains.append((at[:, None, :] + ring * [wide, tall, 0.3]).reshape(-1, 3))
    points = np.concatenate(grains).astype(np.float32)
    return Grains(points, np.full(len(points), 0.2 / len(ring), dtype=np.float32))


def _vertebrae(body: Body, pose: Pose) -> Array:
    """Attenuation (cm of water) of the vertebral bodies, with end plates and discs."""
    pitch = 2.28 * body.lung_height
    phase = np.mod(ROWS - 0.6 * body.lung_height, pitch) / pitch
    disc = np.exp(-(((phase - 0.5) / 0.09) ** 2))
    plate = np.exp(-(((np.abs(phase - 0.5) - 0.17) / 0.06) ** 2))
    size = np.interp(ROWS, [-12, 0, 26, 40], [1.25, 1.45, 2.0, 2.3]) * (1 - 0.08 * np.cos(2 * np.pi * phase))
    size = size.astype(np.float32)
    bodies = Slices(bow_of_spine(body), np.full_like(ROWS, -6.6), size, 0.8 * size, blunt=True)
    bone = np.zeros((pose.height, pose.width), dtype=np.float32)
    cast(bodies, pose).add_to(bone)
    heights = pose.rows / float(pose.magnification(-6.6 * np.cos(pose.turn)))
    # Sideways a ray crosses nothing but the body of a vertebra, which stands out more.
    strength = 1.0 + 2.0 * abs(np.sin(pose.turn))
    profile = np.interp(heights, ROWS, strength * (0.14 - 0.1 * disc + 0.2 * plate))
    bone *= profile.astype(np.float32)[:, None]
    return bone


def _bend(start: Point, end: Point, bow: Point, n: int) -> Array:
    """A path [1, n, 3] from start to end that swings out by `bow` in the middle."""
    part = np.linspace(0.0, 1.0, n)[:, None]
    return np.asarray((start * (1 - part) + end * part + bow * np.sin(np.pi * part))[None], dtype=np.float32)


def _fade(tubes: Grains, shape: tuple[int, ...], first: float, last: float) -> Grains:
    """Thin out tubes of shape [m, n] over the first and the last part of their length, as bone turns into cartilage."""
    part = np.linspace(0.0, 1.0, shape[1], dtype=np.float32)
    weight = np.minimum((part + 0.01) / (first + 0.01), (1.01 - part) / (last + 0.01)).clip(0.0, 1.0)
    volumes = tubes.volumes.reshape(*shape, -1) * weight[:, None]
    return Grains(tubes.points, volumes.reshape(-1))


@lru_cache(maxsize=1)
def _ring() -> Array:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rings = [np.stack([np.cos(angle) * r, np.sin(angle) * r, 0 * angle], axis=-1) for r in (1.0, 0.85, 0.5)]
    return np.concatenate(rings).astype(np.float32)


@lru_cache(maxsize=1)
def _globe() -> Array:
    """Even points [2500, 3] through the outer part of a unit ball (a Fibonacci spiral)."""
    k = np.arange(2500) + 0.5
    up, turn = 1 - 2 * k / len(k), np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - up * up)
    radius = np.cbrt(0.35 + 0.65 * np.mod(k * 0.7548777, 1.0))[:, None]
    return np.asarray(np.stack([flat * np.cos(turn), up, flat * np.sin(turn)], axis=-1) * radius, dtype=np.float32)


@lru_cache(maxsize=1)
def _triangle() -> tuple[Array, Array]:
    """Even barycentric coordinates over a triangle, each [n, 1]."""
    side = np.linspace(0, 1, 75, dtype=np.float32)
    a, b = (g.ravel() for g in np.meshgrid(side, side))
    keep = a + b <= 1
    return a[keep, None], b[keep, None]
