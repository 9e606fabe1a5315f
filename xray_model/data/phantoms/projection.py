"""How a body in three dimensions becomes a shadow: rays, slices and shells, in centimetres.

Body coordinates: x towards the patient's left (the right of the picture), y downwards from the apex of
the lungs, z towards the front. A view turns the body about its long axis, then looks along the depth
axis w; the cone of the beam magnifies what lies far from the detector.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

ROWS = np.arange(-16.0, 46.0, 0.25, dtype=np.float32)
"""Heights (cm) at which the slices of every organ are described."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the beam comes from and how the patient stands in it."""

    turn: float
    """Rotation about the long axis (radians); a quarter turn is a lateral view."""
    tilt: float
    """Slope of the beam: centimetres that a thing moves down per centimetre in front of the middle."""
    source: float
    """Distance (cm) from the focus to the middle of the body; positive where the beam enters from the back (PA)."""
    left: float
    top: float
    """Body coordinates (cm) of the upper left corner of the picture."""
    pixel: float
    """Side of a grid cell (cm)."""
    height: int
    width: int
    """Size of the drawing grid."""

    @property
    def columns(self) -> Array:
        """U (cm) of every grid column."""
        return (self.left + self.pixel * (np.arange(self.width) + 0.5)).astype(np.float32)

    @property
    def rows(self) -> Array:
        """V (cm) of every grid row."""
        return (self.top + self.pixel * (np.arange(self.height) + 0.5)).astype(np.float32)

    def magnification(self, depth: npt.ArrayLike) -> Array:
        """Enlargement of a thing at `depth` (cm, positive towards the front)."""
        return (self.source / (self.source + np.asarray(depth, dtype=np.float32))).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Slices:
    """An organ as one ellipse per height of `ROWS`: centre and half-axes in x and z (cm); no organ where zero."""

    x: Array
    z: Array
    half_x: Array
    half_z: Array
    blunt: bool = False
    """Whether the ellipse is filled out towards a rectangle."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """The part of every ray that lies inside an organ: from `middle - half` to `middle + half` (cm).

    Both are float32 grids over a window of the picture, outside of which there is nothing of the organ.
    """

    rows: slice
    columns: slice
    middle: Array
    half: Array

    def add_to(self, grid: Array, weight: float = 1.0) -> None:
        """Add the length of each ray inside (cm), times `weight`, to a grid of the whole picture."""
        grid[self.rows, self.columns] += np.float32(2.0 * weight) * self.half

    def mark_overlap(self, other: "Shadow", grid: Array) -> None:
        """Raise `grid` (cm, of the whole picture) to the length of each ray that lies in both organs."""
        window = _intersect(self.rows, other.rows), _intersect(self.columns, other.columns)
        if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
            return
        (middle, half), (middle_, half_) = self.cut(window), other.cut(window)
        far = np.minimum(middle + half, middle_ + half_)
        far -= np.maximum(middle - half, middle_ - half_)
        far[(half <= 0) | (half_ <= 0)] = 0.0
        part = grid[window]
        np.maximum(part, far, out=part)

    def cut(self, window: tuple[slice, slice]) -> tuple[Array, Array]:
        """`middle` and `half` over a part of the organ's own window."""
        inner = tuple(
            slice(want.start - have.start, want.stop - have.start)
            for want, have in zip(window, (self.rows, self.columns), strict=True)
        )
        return self.middle[inner], self.half[inner]


def cast(organ: Slices, pose: Pose) -> Shadow:
    """The shadow of an organ: exact for elliptic slices in a parallel beam, magnified as one piece by its depth."""
    cos, sin = float(np.cos(pose.turn)), float(np.sin(pose.turn))
    there = (organ.half_x > 1e-3) & (organ.half_z > 1e-3)
    depth = float((organ.z * cos - organ.x * sin)[there].mean()) if there.any() else 0.0
    scale = float(pose.magnification(depth))
    heights = pose.rows / scale - pose.tilt * depth

    def at(values: Array) -> Array:
        column: Array = np.interp(heights, ROWS, values).astype(np.float32)[:, None]
        return column

    x, z, half_x, half_z = at(organ.x), at(organ.z), at(organ.half_x), at(organ.half_z)
    width = np.sqrt((half_x * cos) ** 2 + (half_z * sin) ** 2)
    centre = x * cos + z * sin
    rows = _extent((half_x[:, 0] > 1e-3) & (half_z[:, 0] > 1e-3))
    across = pose.columns / scale
    low, high = (centre - width)[rows], (centre + width)[rows]
    columns = _extent((across > low.min(initial=0.0)) & (across < high.max(initial=0.0)))
    x, z, half_x, half_z, width, centre = (a[rows] for a in (x, z, half_x, half_z, width, centre))
    width = np.maximum(width, 1e-3)
    t = (across[None, columns] - centre) / width
    lean = (half_z**2 - half_x**2) * (sin * cos) / width
    middle = lean * t
    middle += z * cos - x * sin
    t *= t
    if organ.blunt:
        t *= t
    np.subtract(1.0, t, out=t)
    np.maximum(t, 0.0, out=t)
    np.sqrt(t, out=t)
    t *= half_x * half_z / width
    return Shadow(rows, columns, middle.astype(np.float32, copy=False), t.astype(np.float32, copy=False))


def _extent(flags: npt.NDArray[np.bool_]) -> slice:
    where = np.flatnonzero(flags)
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0)


def _intersect(one: slice, two: slice) -> slice:
    return slice(max(one.start, two.start), min(one.stop, two.stop))


def project(points: Array, pose: Pose) -> tuple[Array, Array]:
    """Grid column and row (cells, float32) of points [..., 3] (cm)."""
    cos, sin = np.float32(np.cos(pose.turn)), np.float32(np.sin(pose.turn))
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    depth = z * cos - x * sin
    scale = pose.magnification(depth) / np.float32(pose.pixel)
    column = (x * cos + z * sin) * scale - np.float32(pose.left / pose.pixel)
    row = (y + np.float32(pose.tilt) * depth) * scale - np.float32(pose.top / pose.pixel)
    return column, row
