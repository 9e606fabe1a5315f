"""Bounds on how a picture may look: those that the pipeline starts with, and what stands outside of one.

Only what sound images themselves can tell is bounded here. What is known without them is a constant at its rule: the
smallest side that shows ribs (how large a sender exports his images says nothing of them), the oldest age, and shares
of a whole batch, of which there are too few to learn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Bound:
    """What one rule of the suite `pixels` asks of one figure; a side that is None is never asked."""

    code: str
    """Of the rule."""
    column: str
    """Field of `QualityFigures`."""
    low: float | None
    high: float | None
    figure: str
    """What the column is, in a steward's words."""
    origin: str
    """Where the bound comes from that the pipeline starts with."""
    digits: int
    """Decimal places that a person can tell apart."""
    possible: tuple[float, float]
    """What the figure can be at all."""

    @property
    def words(self) -> str:
        """`at least 12`, `at most 0.45` or `0.5 to 2.5`."""
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"

    def outside(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which of float64 [n] stand outside; a missing value (NaN) does not, as in Great Expectations."""
        low, high = (-_INFINITE if self.low is None else self.low), (_INFINITE if self.high is None else self.high)
        return (values < low) | (values > high)


Bounds: TypeAlias = Mapping[str, Bound]
"""By code."""

DEFAULTS: Bounds = MappingProxyType(
    {
        bound.code: bound
        for bound in (
            Bound(
                "blank",
                "std",
                12.0,
                None,
                "standard deviation of the gray levels",
                "the flattest of 2,201 public radiographs of four sources has 14.7",
                digits=1,
                possible=(0.0, 127.5),
            ),
            Bound(
                "too-dark",
                "mean",
                25.0,
                None,
                "mean gray level",
                "public radiographs lie between 46 and 217",
                digits=0,
                possible=(0.0, 255.0),
            ),
            Bound(
                "too-bright",
                "mean",
                None,
                230.0,
                "mean gray level",
                "public radiographs lie between 46 and 217",
                digits=0,
                possible=(0.0, 255.0),
            ),
            Bound(
                "too-few-grays",
                "entropy",
                3.5,
                None,
                "entropy of the gray levels in bits",
                "public radiographs have 4.7 and more, drawings and masks less than 3",
                digits=1,
                possible=(0.0, 8.0),
            ),
            Bound(
                "inverted",
                "inversion",
                None,
                0.5,
                "score of inversion",
                "log odds; public radiographs lie below -1.7, so that their negatives lie above 1.7",
                digits=1,
                possible=(-_INFINITE, _INFINITE),
            ),
            Bound(
                "wide-border",
                "border",
                None,
                0.45,
                "share lost to a border",
                "public radiographs lose up to 0.38 to burned-in frames",
                digits=2,
                possible=(0.0, 1.0),
            ),
            Bound(
                "saturated",
                "saturated",
                None,
                0.55,
                "share of pure black and pure white",
                "public radiographs have up to 0.49",
                digits=2,
                possible=(0.0, 1.0),
            ),
            Bound(
                "odd-shape",
                "aspect",
                0.5,
                2.5,
                "width over height",
                "99 % of public radiographs lie between 0.8 and 2.2",
                digits=2,
                possible=(0.0, _INFINITE),
            ),
        )
    }
)
"""The bounds that the pipeline starts with, set on 2,201 public radiographs of four sources, whose extremes they leave
room for; gray levels run from 0 to 255 on the canonical content without padding."""
