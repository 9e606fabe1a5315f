"""How a hostile input is written down: what arrives, and how it must end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
Files: TypeAlias = Mapping[str, bytes]
"""Content by name below the batch's folder; bytes of a name that are no UTF-8 stand as surrogates."""

WHOLE = ""
"""In place of a name: the batch as a whole."""


@dataclass(frozen=True, slots=True)
class End:
    """How a file, or a batch, ends."""

    status: str
    """`accepted`, `quarantined`, `held`, `refused`, or `absent` for what no catalog row may tell of."""
    words: str = ""
    """What one of its reasons (of an accepted image: one of its problems) must say."""


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile, broken or odd input."""

    name: str
    batch: str
    """`<source>/<batch>`; cases of one batch lie side by side."""
    build: Callable[[Pixels], Files]
    """Makes the files out of a sound picture of the case's own, uint8 [height, width]."""
    ends: Mapping[str, End]
    """By name as the catalog shows it."""


ACCEPTED = End("accepted")
ABSENT = End("absent")


def quarantined(words: str) -> End:
    """Refused as one image or member, for a reason with these words."""
    return End("quarantined", words)


def refused(words: str) -> End:
    """Refused as a batch, for a reason with these words."""
    return End("refused", words)


def noted(words: str) -> End:
    """Accepted, with these words among the problems of its metadata."""
    return End("accepted", words)
