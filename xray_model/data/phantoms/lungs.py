"""What a lung's shadow holds: branching vessels and fine texture."""

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from xray_model.data.phantoms.body import Body
from xray_model.data.phantoms.grains import Grains
from xray_model.data.phantoms.projection import ROWS, Array, Slices

SHEET = 1024
"""Side (cells) of the sheets that textures are cut from, and so of the largest picture."""


def grow_vessels(body: Body, lung: Slices, side: int) -> Grains:
    """One lung's vessels: trunks that fan out from the hilum, each with branches of its own.

    Quadratic Bezier curves from the hilum to points spread through the lung; branches of one trunk share
    its first direction, so that they part gradually.
    """
    rng = np.random.default_rng([body.seed, side + 1])
    root = (10.9 if side < 0 else 10.1) * body.lung_height
    trunks, twigs = 9, 8
    n = trunks * twigs
    stem = np.repeat(np.linspace(-1.45, 1.5, trunks) + rng.normal(0, 0.12, trunks), twigs)
    angle, far = stem + rng.normal(0, 0.26, n), rng.beta(2.2, 1.2, n)
    hilum = np.stack([side * (2.7 + 0.5 * np.cos(stem)), root + 1.9 * np.sin(stem), rng.normal(-1.5, 1.0, n)], axis=-1)
    y = root + np.sin(angle) * far * np.where(angle < 0, 10.0, 14.5) * body.lung_height
    centre, half, deep = (np.interp(y, ROWS, a) for a in (lung.x, lung.half_x, lung.half_z))
    x = centre + side * half * (2 * np.clip(0.2 + 0.82 * np.cos(angle) * far, 0, 0.97) - 1)
    z = -1.0 + deep * rng.uniform(-0.85, 0.75, n)
    end = np.stack([x, y, z], axis=-1)
    length = np.hypot(x - hilum[:, 0], y - hilum[:, 1]) * rng.uniform(0.3, 0.55, n)
    steep = stem + 0.35 * np.sin(stem)
    knee = hilum + np.stack([side * np.cos(steep) * length, np.sin(steep) * length, 0.4 * (z + 1.5)], axis=-1)
    t = np.linspace(0.0, 1.0, 50)[None, :, None]
    path = hilum[:, None] * (1 - t) ** 2 + 2 * knee[:, None] * t * (1 - t) + end[:, None] * t**2
    path += rng.normal(0, 0.28, (n, 1, 3)) * np.sin(np.pi * t * rng.uniform(1.2, 3.0, (n, 1, 1))) * t
    return _fill(path.astype(np.float32), rng.uniform(0.75, 1.25, n).astype(np.float32), body.markings * 2.0)


def _fill(path: Array, calibre: Array, weight: float) -> Grains:
    """Tapering vessels along paths [n, m, 3], three grains abreast."""
    along = np.gradient(path, axis=1)
    step = np.sqrt((along**2).sum(axis=2))
    aside = np.stack([-along[..., 1], along[..., 0]], axis=-1) / (step[..., None] + np.float32(1e-9))
    part = np.linspace(0.0, 1.0, path.shape[1], dtype=np.float32)
    radius = calibre[:, None] * (0.09 + 0.15 * (1 - part))
    grains = np.repeat(path[:, :, None, :], 3, axis=2)
    grains[..., :2] += aside[:, :, None, :] * (radius[..., None] * np.array([-0.75, 0.0, 0.75], np.float32))[..., None]
    # Branches of a trunk run together near the hilum: each carries only its share of the trunk there.
    volume = np.float32(np.pi * weight) * radius**2 * step * np.minimum(0.12 + 0.9 * part, 1.0)
    volumes = volume[..., None] * np.array([0.28, 0.44, 0.28], dtype=np.float32)
    return Grains(grains.reshape(-1, 3), volumes.reshape(-1))


@lru_cache(maxsize=8)
def _sheet(scale: float) -> Array:
    noise = np.random.default_rng(int(scale * 1000)).standard_normal((SHEET, SHEET)).astype(np.float32)
    smooth = gaussian_filter(noise, scale, mode="wrap") if scale else noise
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


def cut_texture(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Array:
    """A field of unit variance whose grains are `scale` cells wide, cut at random from a large sheet.

    Args:
        rng: where it is cut.
        shape: at most `SHEET` cells either way.
        scale: 0 for white noise.
    """
    top, left = (int(rng.integers(0, SHEET - size + 1)) for size in shape)
    cut = _sheet(scale)[top : top + shape[0], left : left + shape[1]]
    return cut[::-1] if rng.random() < 0.5 else cut
