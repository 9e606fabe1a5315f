"""Augmented views of training images: each is made from the image, its id, a number and the options alone.

So what a network makes of a view may be cached like what it makes of the image. View 0 is the image itself.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray_model.config import Augmentation

Pixels = npt.NDArray[np.uint8]

_METHOD = 1
"""To be raised with every change that makes other pixels of the same options: it is part of their digest."""
_GRAY = 127.5
"""The gray level that contrast leaves alone."""
_LONGEST_STRIP = 0.5
"""Share of a border that is blackened at most, so that a picture never loses a whole side of its lung fields."""


class _Draws(NamedTuple):
    """One number from [0, 1) for each property, whether it is used or not: no option changes what another draws."""

    rotation: float
    shear: float
    zoom: float
    shift_x: float
    shift_y: float
    flip: float
    brightness: float
    contrast: float
    border: float
    depth: float
    length: float
    start: float


def make_view(pixels: Pixels, image_id: str, view: int, augmentation: Augmentation) -> Pixels:
    """One augmented view of an image.

    The gray levels are changed inside the picture alone and what is moved in from outside is black: the padding that
    made the picture a square stays black.

    Args:
        pixels: canonical pixels, uint8 [side, side].
        image_id: of the image, so that two images are not moved alike.
        view: 0 for the image itself, any other number for a view.
        augmentation: how far a view may differ.

    Returns:
        uint8 [side, side].
    """
    if view == 0:
        return pixels
    draws = _draw(image_id, view)
    image = Image.fromarray(pixels)
    box = image.getbbox() or (0, 0, *image.size)
    picture = image.crop(box).point(_tone_table(draws, augmentation))
    picture.paste(0, _strip(draws, augmentation, *picture.size))
    affine = _affine(draws, augmentation, image.width, corner=box[:2])
    return np.asarray(picture.transform(image.size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))


def make_views(pixels: Pixels, image_ids: Iterable[str], view: int, augmentation: Augmentation) -> Pixels:
    """The same view of several images, uint8 [n, side, side], as `make_view`."""
    if view == 0 or len(pixels) == 0:
        return pixels
    return np.stack([make_view(one, name, view, augmentation) for one, name in zip(pixels, image_ids, strict=True)])


def augmentation_digest(augmentation: Augmentation) -> str:
    """16 hex digits that change with any option and with the way views are made."""
    return hashlib.sha256(f"{_METHOD} {augmentation.model_dump_json()}".encode()).hexdigest()[:16]


def _draw(image_id: str, view: int) -> _Draws:
    # From a hash and not from a generator: no library's next release draws differently.
    words = np.frombuffer(hashlib.sha512(f"{image_id} {view}".encode()).digest(), "<u4")
    return _Draws(*(words[: len(_Draws._fields)] / 2**32).tolist())


def _either_way(draw: float, most: float) -> float:
    return (2 * draw - 1) * most


def _tone_table(draws: _Draws, augmentation: Augmentation) -> list[int]:
    gain = 1 + _either_way(draws.contrast, augmentation.contrast)
    offset = 255 * _either_way(draws.brightness, augmentation.brightness)
    levels = (np.arange(256) - _GRAY) * gain + _GRAY + offset
    table: list[int] = np.clip(levels.round(), 0, 255).astype(int).tolist()
    return table


def _strip(draws: _Draws, augmentation: Augmentation, width: int, height: int) -> tuple[int, int, int, int]:
    """What is blackened along one border of a picture: left, top, right, bottom (after Zhong et al. 2020)."""
    upright, far = draws.border < 1 / 2, draws.border * 2 % 1 < 1 / 2
    across, along = (width, height) if upright else (height, width)
    depth = round(draws.depth * augmentation.erase_borders * across)
    length = round(draws.length * _LONGEST_STRIP * along)
    near = across - depth if far else 0
    start = int(draws.start * (along - length + 1))
    left, top, right, bottom = near, start, near + depth, start + length
    return (left, top, right, bottom) if upright else (top, left, bottom, right)


def _affine(draws: _Draws, augmentation: Augmentation, side: int, corner: tuple[int, int]) -> tuple[float, ...]:
    """Pillow's six numbers, which lead from a pixel of the view to the place that it shows of the picture.

    The image is moved about its centre; the picture in it begins at `corner`, x and y.
    """
    angle = np.deg2rad(_either_way(draws.rotation, augmentation.rotation))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, _either_way(draws.shear, augmentation.shear)], [0.0, 1.0]])
    flip = np.diag([-1.0 if augmentation.horizontal_flip and draws.flip < 1 / 2 else 1.0, 1.0])
    matrix = turn @ shear @ flip / (1 + _either_way(draws.zoom, augmentation.zoom))
    centre = np.full(2, side / 2)
    shift = side * np.array([_either_way(draw, augmentation.shift) for draw in (draws.shift_x, draws.shift_y)])
    offset = centre - matrix @ (centre + shift) - corner
    return (*matrix[0].tolist(), float(offset[0]), *matrix[1].tolist(), float(offset[1]))
