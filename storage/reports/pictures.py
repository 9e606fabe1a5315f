"""The images a steward looks at: which are shown, and the files they become beside a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from storage.objects import Objects

NO_REASON = "No reason was recorded"
REFUSED_LIMIT = 60
"""Refused images shown of one batch, spread over the reasons."""
TYPICAL_LIMIT = 2
_JPEG_QUALITY = 90
SHORT_ID = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """An image a steward may look at; it carries no identity beyond the image id."""

    image_id: str
    """Sha256 of the file, in hex; shown shortened."""
    pixels: npt.NDArray[np.uint8] | None
    """Uint8 `[side, side]`; None where nothing could be decoded."""
    caption: str
    """Such as "PA · F 63 · covid"."""
    reasons: tuple[str, ...] = ()

    @property
    def short_id(self) -> str:
        """The start of the image id, enough to tell the images of one batch apart."""
        return self.image_id[:SHORT_ID]


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture with its place on a page."""

    picture: Picture
    anchor: str
    """Unique on the page."""
    key: str | None
    """Key of its JPEG in the store; None where there is nothing to show."""


def spread_pictures(pictures: Sequence[Picture], limit: int) -> list[Picture]:
    """Choose at most `limit` pictures so that every reason has its share: one of each in turn.

    The chosen ones stay in the order of their reasons, and within a reason in the order given.
    """
    by_reason: dict[str, list[Picture]] = {}
    for picture in pictures:
        by_reason.setdefault(picture.reasons[0] if picture.reasons else NO_REASON, []).append(picture)
    taken = dict.fromkeys(by_reason, 0)
    left = min(limit, len(pictures))
    while left:
        for reason, group in by_reason.items():
            if left and taken[reason] < len(group):
                taken[reason] += 1
                left -= 1
    return [picture for reason, group in by_reason.items() for picture in group[: taken[reason]]]


def write_pictures(objects: "Objects", folder: str, kind: str, pictures: Sequence[Picture]) -> tuple[ShownPicture, ...]:
    """Put the pictures as JPEG files into `folder` (a key ending in `/`), named by `kind`, place and image id."""
    shown = []
    files = []
    for place, picture in enumerate(pictures, start=1):
        anchor = f"{kind}-{place:02d}-{picture.image_id[:12]}"
        key = None
        if picture.pixels is not None:
            key = f"{folder}{anchor}.jpg"
            files.append((key, encode_jpeg(picture.pixels)))
        shown.append(ShownPicture(picture, anchor, key))
    objects.put_many(files)
    return tuple(shown)


def find_refused(objects: "Objects", folder: str, limit: int) -> tuple[str, ...]:
    """Keys of the first few refused pictures that the batch page in `folder` shows."""
    found = (entry.key for entry in objects.list(f"{folder}refused-"))
    return tuple(sorted(key for key in found if key.endswith(".jpg"))[:limit])


def encode_jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A JPEG of uint8 pixels `[height, width]` or `[height, width, 3]`: for looking at, nothing is measured on it."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return buffer.getvalue()
