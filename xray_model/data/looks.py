"""Ways in which a network is shown images: as they are, as augmented views, or with the lungs or all else hidden."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from xray_model.config import Augmentation
from xray_model.data.augmentation import augmentation_digest, make_views

Pixels = npt.NDArray[np.uint8]
CENTRE = 0.75
"""Side of the square in the middle that holds the lungs, as a share of the picture's."""


class Look(Protocol):
    """One way of showing images."""

    @property
    def mark(self) -> str:
        """What tells it from all others in the feature cache; empty for the images as they are."""

    def show(self, pixels: Pixels, image_ids: Sequence[str]) -> Pixels:
        """Canonical pixels uint8 [n, side, side] as the network shall see them; those given stay as they are."""


@dataclass(frozen=True, slots=True)
class AsTheyAre:
    """The images themselves, as everything but training and probes must have them."""

    mark: str = ""

    def show(self, pixels: Pixels, image_ids: Sequence[str]) -> Pixels:
        """The same pixels."""
        del image_ids
        return pixels


@dataclass(frozen=True, slots=True)
class AugmentedView:
    """The n-th augmented view of each image, from 1."""

    number: int
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def mark(self) -> str:
        """By the options of the augmentation and the number."""
        return f"{augmentation_digest(self.augmentation)}-{self.number:04d}"

    def show(self, pixels: Pixels, image_ids: Sequence[str]) -> Pixels:
        """Views drawn for each image by its id."""
        return make_views(pixels, image_ids, self.number, self.augmentation)


@dataclass(frozen=True, slots=True)
class Masked:
    """The lungs hidden, or all but the lungs.

    A model that still tells the classes apart without them goes by something else (Maguolo and Nanni 2021 found
    published ones that did). What is hidden becomes the image's own mean gray: black would be a picture of its own.
    """

    hidden: Literal["lungs", "surroundings"]

    @property
    def mark(self) -> str:
        """By what is hidden, and how large the square is."""
        return f"without-{self.hidden}-{round(100 * CENTRE)}"

    def show(self, pixels: Pixels, image_ids: Sequence[str]) -> Pixels:
        """The square in the middle, or all around it, in the mean gray of each image."""
        del image_ids
        height, width = pixels.shape[1:]
        rows, columns = (_middle(length) for length in (height, width))
        gray = pixels.mean(axis=(1, 2)).round().astype(np.uint8)[:, None, None]
        if self.hidden == "lungs":
            shown = pixels.copy()
            shown[:, rows, columns] = gray
        else:
            shown = np.broadcast_to(gray, pixels.shape).copy()
            shown[:, rows, columns] = pixels[:, rows, columns]
        return shown


AS_THEY_ARE = AsTheyAre()
LUNGS_HIDDEN, LUNGS_ALONE = Masked("lungs"), Masked("surroundings")


def _middle(length: int) -> slice:
    margin = round(length * (1 - CENTRE) / 2)
    return slice(margin, length - margin)
