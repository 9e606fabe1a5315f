"""Images that a model got right or wrong, each beside what spoke for its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from storage.reports.pictures import SHORT_ID, encode_jpeg

if TYPE_CHECKING:
    from storage.objects import Objects

EXAMPLES_LIMIT = 12
"""Examples on a page: half of them misses, where there are so many of both."""
_TINT = np.array([230, 159, 0], np.float32)
"""Orange of Okabe and Ito, on gray told apart by everybody."""
_STRENGTH = 0.6
_GAP = 32
"""Of a side between the two."""


@dataclass(frozen=True, slots=True)
class Example:
    """A test image with the model's answer and its heat map; it carries no identity beyond the image id."""

    image_id: str
    pixels: npt.NDArray[np.uint8]
    """Uint8 `[side, side]`."""
    heat: npt.NDArray[np.float32]
    """Float32 `[side, side]`, 0 to 1: what spoke for `predicted`."""
    label: str
    predicted: str
    probability: float
    """Of `predicted`."""

    @property
    def hit(self) -> bool:
        """Whether the answer is right."""
        return self.label == self.predicted

    @property
    def short_id(self) -> str:
        """The start of the image id."""
        return self.image_id[:SHORT_ID]


@dataclass(frozen=True, slots=True)
class ShownExample:
    """An example with its place in the store."""

    example: Example
    key: str
    """Of a JPEG with the image on the left and the heat over it on the right."""


def choose_examples(examples: Sequence[Example], limit: int = EXAMPLES_LIMIT) -> list[Example]:
    """At most `limit`, misses first: half of each kind, or more of one where the other is short."""
    misses = [example for example in examples if not example.hit]
    hits = [example for example in examples if example.hit]
    taken = misses[: max(limit // 2, limit - len(hits))]
    return taken + hits[: limit - len(taken)]


def write_examples(objects: "Objects", folder: str, examples: Sequence[Example]) -> tuple[ShownExample, ...]:
    """Put the chosen examples as JPEG files into `folder` (a key ending in `/`), named by place and image id."""
    shown = tuple(
        ShownExample(example, f"{folder}example-{place:02d}-{example.image_id[:12]}.jpg")
        for place, example in enumerate(choose_examples(examples), start=1)
    )
    objects.put_many((each.key, encode_jpeg(lay_heat(each.example.pixels, each.example.heat))) for each in shown)
    return shown


def lay_heat(pixels: npt.NDArray[np.uint8], heat: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Uint8 `[side, 2 side + gap, 3]`: the image as it is, and after a black gap again, with orange where heat is."""
    plain = np.repeat(pixels[..., None], 3, axis=2)
    share = _STRENGTH * np.clip(heat, 0, 1)[..., None]
    tinted = np.rint((1 - share) * plain + share * _TINT).astype(np.uint8)
    gap = np.zeros_like(plain[:, : len(plain) // _GAP])
    return np.concatenate([plain, gap, tinted], axis=1)
