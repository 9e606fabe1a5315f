"""What speaks against one image alone: the rules by which ingest refuses it, and for which an answer is doubted.

Great Expectations asks them of the rows of a batch, `find_warnings` of an image that comes alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xray_model.data.bounds import Bounds
from xray_model.data.examining import Examined
from xray_model.outcomes import ImageWarning

SMALLEST_SIDE = 128
"""Pixels; half of the smallest public set (299) still shows ribs, less does not."""
OLDEST = 110
"""Years; sources also hold ages such as 155, which are years of birth or typing errors."""


@dataclass(frozen=True, slots=True)
class ImageRule:
    """What one figure or word of an image must keep to; one that is not known breaks no rule."""

    code: str
    column: str
    """Of a row of a batch."""
    expected: str
    """How it should be, as a sentence."""
    refusal: str
    """What is wrong with an image that breaks it: "is a lateral view"."""
    low: float | None = None
    high: float | None = None
    """Where it is a number; None for a side that is never asked."""
    never: tuple[str, ...] = ()
    """Where it is a word."""

    def is_broken(self, value: float | str | None) -> bool:
        """Whether a value breaks it."""
        if value is None:
            return False
        if isinstance(value, str):
            return value in self.never
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


FRONTAL = ImageRule("view-lateral", "view", "Every image is a frontal view.", "is a lateral view", never=("L",))
AGE = ImageRule(
    "age-range",
    "age",
    f"Ages are between 0 and {OLDEST} years.",
    f"has an age outside 0 to {OLDEST} years",
    low=0,
    high=OLDEST,
)
SIZE = ImageRule(
    "too-small",
    "shorter_side",
    f"Every image has sides of at least {SMALLEST_SIDE} pixels.",
    f"is smaller than {SMALLEST_SIDE} pixels",
    low=SMALLEST_SIDE,
)
_WORDS = {
    "blank": ("Every image has contrast", "is blank or nearly so"),
    "too-dark": ("No image is too dark to read", "is too dark to read"),
    "too-bright": ("No image is too bright to read", "is too bright to read"),
    "too-few-grays": ("Every image uses enough gray levels", "has too few gray levels to be a radiograph"),
    "inverted": ("Bones are bright and air is dark", "looks inverted"),
    "wide-border": ("The picture fills its frame", "is mostly border"),
    "saturated": ("Most of the picture is neither pure black nor pure white", "is mostly pure black or white"),
    "odd-shape": ("No image is a narrow strip", "is too wide or too tall for a chest"),
}
"""By the code of a bound: how it should be, and what is wrong with what failed."""


def bound_rules(bounds: Bounds) -> Iterator[ImageRule]:
    """One rule for each of the bounds in force."""
    for code, (expected, refusal) in _WORDS.items():
        bound = bounds[code]
        sentence = f"{expected} ({bound.figure}: {bound.words})."
        yield ImageRule(code, bound.column, sentence, refusal, low=bound.low, high=bound.high)


def find_warnings(image: Examined, bounds: Bounds) -> tuple[ImageWarning, ...]:
    """Why ingest would refuse this image, in its own words.

    Args:
        image: as it came.
        bounds: those in force.
    """
    facts = image.facts

    def look_up(column: str) -> Any:
        if column == "shorter_side":
            return min(facts.width, facts.height)
        return getattr(image if column in {"view", "age"} else facts.quality, column)

    return tuple(
        ImageWarning(code=rule.code, text=f"The image {rule.refusal}.")
        for rule in (FRONTAL, AGE, SIZE, *bound_rules(bounds))
        if rule.is_broken(look_up(rule.column))
    )
