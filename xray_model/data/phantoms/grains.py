"""Matter as many small grains: bones as the walls of bent tubes, and their shadows."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xray_model.data.phantoms.projection import Array, Pose, project


@dataclass(frozen=True, slots=True)
class Grains:
    """Matter as points [n, 3] (cm) that each stand for a volume [n] (cm3)."""

    points: Array
    volumes: Array

    def mirrored(self) -> "Grains":
        """The same on the other side of the body."""
        return Grains(self.points * np.array([-1, 1, 1], dtype=np.float32), self.volumes)


def scatter(grains: Grains, pose: Pose) -> Array:
    """Thickness grid (cm) of many small grains of matter."""
    column, row = project(grains.points, pose)
    inside = np.flatnonzero((column >= 0) & (column < pose.width) & (row >= 0) & (row < pose.height))
    cell = row[inside].astype(np.intp) * pose.width + column[inside].astype(np.intp)
    grid = np.bincount(cell, weights=grains.volumes[inside], minlength=pose.height * pose.width)
    return (grid.reshape(pose.height, pose.width) / pose.pixel**2).astype(np.float32)


def join(parts: list[Grains]) -> Grains:
    """All grains of several parts."""
    return Grains(np.concatenate([p.points for p in parts]), np.concatenate([p.volumes for p in parts]))


def grow_tubes(path: Array, out: Array, wide: npt.ArrayLike, thin: npt.ArrayLike, around: int, wall: float) -> Grains:
    """The walls of bent tubes.

    Args:
        path: float [m, n, 3], points along m axes (cm).
        out: float, broadcast to [m, n, 3], unit normal of the flat side of each tube.
        wide: half-axis across the flat side (cm), scalar, [m, 1] or [m, n].
        thin: half-axis along `out` (cm), likewise.
        around: grains per ring; rings are twisted against each other at random, so that no lines appear.
        wall: thickness of the wall (cm).
    """
    path, out = path.astype(np.float32), np.broadcast_to(out.astype(np.float32), path.shape)
    along = np.gradient(path, axis=1)
    step = np.sqrt(np.einsum("mnk,mnk->mn", along, along))[..., None] + np.float32(1e-9)
    along /= step
    across = np.stack(
        [
            along[..., 1] * out[..., 2] - along[..., 2] * out[..., 1],
            along[..., 2] * out[..., 0] - along[..., 0] * out[..., 2],
            along[..., 0] * out[..., 1] - along[..., 1] * out[..., 0],
        ],
        axis=-1,
    )
    shape = path.shape[:2]
    wide_, thin_ = (np.broadcast_to(np.asarray(a, dtype=np.float32), shape)[..., None] for a in (wide, thin))
    angle = (np.arange(around, dtype=np.float32) + _twists(shape[1])) * np.float32(2 * np.pi / around)
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = cos * wide_, sin * thin_
    points = path[:, :, None, :] + across[:, :, None, :] * a[..., None]
    points += out[:, :, None, :] * b[..., None]
    arc = np.sqrt((sin * wide_) ** 2 + (cos * thin_) ** 2) * np.float32(2 * np.pi / around * wall)
    return Grains(points.reshape(-1, 3), (arc * step).reshape(-1))


@lru_cache(maxsize=16)
def _twists(rings: int) -> Array:
    return np.random.default_rng(rings).random((rings, 1), dtype=np.float32)
