"""What disease adds to the lungs: ground glass, consolidation, and the harmless shadows that look a little like them.

Ground glass of COVID-19 is bilateral, peripheral and stronger below (Rubin et al., Fleischner Society consensus
statement, Radiology 2020); lobar pneumonia fills one lobe or segment densely and leaves its bronchi open.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from xray_model.data.phantoms.body import Body
from xray_model.data.phantoms.lungs import cut_texture
from xray_model.data.phantoms.projection import ROWS, Array, Pose, Slices, project

COARSE = 4
"""Cells of the drawing grid per cell of the grid on which soft patches are drawn."""

LOBES = {
    # side, height as a part of the lung, distance from the middle, radii (cm): across, upwards, downwards
    "right upper": (-1, 0.27, 0.50, 5.2, 5.5, 3.4),
    "right middle": (-1, 0.66, 0.45, 4.8, 3.4, 3.8),
    "right lower": (-1, 0.80, 0.55, 5.4, 5.4, 5.0),
    "left upper": (1, 0.33, 0.55, 5.0, 6.0, 4.2),
    "lingula": (1, 0.64, 0.68, 4.2, 3.6, 3.6),
    "left lower": (1, 0.80, 0.66, 5.2, 5.6, 5.0),
}


@dataclass(frozen=True, slots=True)
class Patch:
    """One soft-edged area: centre in body coordinates (cm), radii (cm), thickness of water it adds (cm)."""

    centre: tuple[float, float, float]
    across: float
    up: float
    down: float
    amount: float
    edge: float
    """Steepness of the border: 1 fades like a Gaussian, 4 is nearly sharp."""


def draw_ground_glass(rng: np.random.Generator, body: Body, lungs: dict[int, Slices], severity: float) -> list[Patch]:
    """Patches in both lungs; severity 0 (hardly to be seen) to 1 (most of both lungs)."""
    patches = []
    share = rng.beta(5, 5)
    for side in (-1, 1):
        where = _place(body, lungs[side], side, rng.uniform(0.6, 0.8), rng.uniform(0.55, 0.75), 0.0)
        veil = (0.8 + 1.1 * severity) * rng.uniform(0.75, 1.2)
        patches.append(Patch(where, 5.0, 8.0, 6.0, veil, 1.0))
    count = 8 + int(rng.poisson(18 * severity))
    for k in range(count):
        side = -1 if (k + 0.5) / count < share else 1
        part = 0.30 + 0.66 * rng.beta(2.4, 1.5)
        size = rng.uniform(1.5, 2.8) + 1.3 * severity * rng.random()
        amount = (1.0 + 1.5 * severity) * rng.uniform(0.6, 1.2)
        where = _place(body, lungs[side], side, part, float(rng.beta(2.6, 1.2)), rng.uniform(-0.6, 0.5))
        patches.append(Patch(where, size * rng.uniform(0.7, 1.1), size, size * rng.uniform(0.8, 1.4), amount, 1.3))
    return patches


def draw_consolidation(rng: np.random.Generator, body: Body, lungs: dict[int, Slices], severity: float) -> list[Patch]:
    """One lobe or segment filled, densely and with a firmer border; severity tells how much of it and how densely."""
    side, part, out, across, up, down = LOBES[str(rng.choice(list(LOBES)))]
    scale = (0.95 + 0.3 * severity) * rng.uniform(0.9, 1.1)
    where = _place(
        body, lungs[side], side, part + rng.normal(0, 0.03), out + rng.normal(0, 0.07), rng.uniform(-0.3, 0.3)
    )
    amount = (2.8 + 4.0 * severity) * rng.uniform(0.85, 1.15)
    patches = [Patch(where, across * scale, up * scale, down * scale, amount, float(rng.uniform(1.3, 2.6)))]
    for _ in range(int(rng.integers(2, 6))):
        centre = (where[0] + rng.normal(0, 2.6) * scale, where[1] + rng.normal(0, 2.6) * scale, where[2])
        size = rng.uniform(1.2, 2.4) * scale
        patches.append(Patch(centre, size, size, size, 0.5 * amount, 1.4))
    # The rest of that lung takes part a little.
    beside = _place(body, lungs[side], side, rng.uniform(0.5, 0.7), rng.uniform(0.5, 0.7), 0.0)
    patches.append(Patch(beside, 5.0, 8.0, 6.5, (1.6 + 0.9 * severity) * rng.uniform(0.75, 1.2), 1.0))
    if part > 0.5 and rng.random() < 0.55:
        # Fluid gathers beside an inflamed lower lobe and blunts the angle with the diaphragm.
        angle = _place(body, lungs[side], side, 1.0, 0.95, 0.0)
        patches.append(Patch(angle, 4.0, 5.0 * scale, 4.0, amount, 1.5))
    return patches


def draw_harmless(rng: np.random.Generator, body: Body, lungs: dict[int, Slices]) -> list[Patch]:
    """Faint shadows that anyone may have: folds, scars, a plate of collapsed lung, crowded bases."""
    patches = []
    for _ in range(int(rng.poisson(1.6))):
        side = int(rng.choice((-1, 1)))
        where = _place(body, lungs[side], side, rng.uniform(0.15, 0.95), rng.uniform(0.1, 0.9), rng.uniform(-0.6, 0.6))
        size = rng.uniform(1.5, 4.0)
        patches.append(Patch(where, size, size * rng.uniform(0.5, 1.3), size, float(rng.exponential(0.2)), 1.1))
    if rng.random() < 0.12:
        side = int(rng.choice((-1, 1)))
        where = _place(body, lungs[side], side, rng.uniform(0.75, 0.95), rng.uniform(0.3, 0.7), 0.0)
        patches.append(Patch(where, rng.uniform(1.5, 3.0), 0.13, 0.13, rng.uniform(0.6, 1.5), 1.5))
    haze = float(rng.exponential(0.15))
    for side in (-1, 1):
        where = _place(body, lungs[side], side, 0.95, 0.5, 0.0)
        patches.append(Patch(where, 6.0, 4.5, 3.0, haze * rng.uniform(0.6, 1.4), 1.2))
    return patches


def shade_patches(patches: list[Patch], pose: Pose) -> Array:
    """Thickness of water (cm) that the patches add to each ray of the drawing grid, before the lung limits it."""
    height, width = -(-pose.height // COARSE), -(-pose.width // COARSE)
    grid = np.zeros((height, width), dtype=np.float32)
    rows, columns = (
        np.arange(height, dtype=np.float32)[:, None] + 0.5,
        np.arange(width, dtype=np.float32)[None, :] + 0.5,
    )
    cell = pose.pixel * COARSE
    for patch in patches:
        column, row = (np.float32(v / COARSE) for v in project(np.array(patch.centre, dtype=np.float32), pose))
        down: Array = (rows - row) * np.float32(cell)
        # A thin plate would fall between the coarse rows.
        down /= np.where(down < 0, max(patch.up, 0.35), max(patch.down, 0.35)).astype(np.float32)
        across = (columns - column) * np.float32(cell / patch.across)
        distance: Array = down * down + across * across
        grid += np.float32(patch.amount) * np.exp(-np.power(distance, np.float32(patch.edge)))
    full = Image.fromarray(grid).resize((width * COARSE, height * COARSE), Image.Resampling.BICUBIC)
    return np.maximum(np.asarray(full, dtype=np.float32)[: pose.height, : pose.width], np.float32(0.0))


def mottle(opacity: Array, rng: np.random.Generator, strength: float | Array) -> Array:
    """Opacity broken up as it is in a lung: coarse islands and fine grain."""
    coarse, middle, fine = (cut_texture(rng, opacity.shape, scale) for scale in (9.0, 4.0, 2.0))
    pattern = 1.0 + np.asarray(strength, dtype=np.float32) * (0.3 * coarse + 0.5 * middle + 0.7 * fine)
    broken: Array = opacity * np.clip(pattern, 0.25, 2.0)
    return broken


def _place(body: Body, lung: Slices, side: int, part: float, out: float, depth: float) -> tuple[float, float, float]:
    """A point in a lung: `part` of the way down, `out` of the way to the wall, `depth` -1 (back) to 1 (front)."""
    y = float(np.clip(part, 0.08, 1.0)) * 22.0 * body.lung_height
    x, half, deep = (float(np.interp(y, ROWS, a)) for a in (lung.x, lung.half_x, lung.half_z))
    return x + side * half * (2 * float(np.clip(out, 0.02, 0.98)) - 1), y, -0.6 + deep * depth
