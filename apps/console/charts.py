"""The console's charts of a batch against the accepted images, as inline SVG."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from storage.distributions import BINS, FIGURES, Spread

_WIDTH, _HEIGHT = 240.0, 64.0
_MOVED = 0.15
"""Kolmogorov-Smirnov distance below which a difference is not worth a look, however many images show it."""
_CHANCE = 1.63
"""Over the root of the images: the distance that chance alone exceeds in 1 of 100 (Smirnov 1948)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of a batch beside that of the accepted images."""

    words: str
    low: str
    high: str
    distance: float
    """Kolmogorov-Smirnov distance over the bins, 0 (alike) to 1."""
    stands_apart: bool
    """Whether it is worth a look."""
    drawing: Markup


def compare_figures(batch: Spread, accepted: Spread) -> list[Comparison]:
    """Every figure that both have, the one that moved most first."""
    found = []
    for place, figure in enumerate(FIGURES):
        mine, theirs = batch.figures[place], accepted.figures[place]
        if not (mine.sum() and theirs.sum()):
            continue
        shares = mine / mine.sum(), theirs / theirs.sum()
        distance = float(np.abs(np.cumsum(shares[0] - shares[1])).max())
        chance = _CHANCE * float(np.sqrt(1 / mine.sum() + 1 / theirs.sum()))
        drawing = draw_spread(*shares, label=figure.words)
        apart = distance > max(_MOVED, chance)
        found.append(Comparison(figure.words, f"{figure.low:g}", f"{figure.high:g}", distance, apart, drawing))
    return sorted(found, key=lambda one: (not one.stands_apart, -one.distance))


def draw_spread(mine: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], label: str) -> Markup:
    """Two histograms over one axis: a pale area for `theirs`, a line for `mine` (shares, float64 [BINS])."""
    most = max(mine.max(), theirs.max())
    return Markup(
        '<svg class="spread" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="theirs" d="M0 {:.0f}{}V{:.0f}Z"/><path class="mine" d="M{}"/></svg>'
    ).format(_WIDTH, _HEIGHT, label, _HEIGHT, "L" + _steps(theirs / most), _HEIGHT, _steps(mine / most))


def _steps(heights: npt.NDArray[np.float64]) -> str:
    width = _WIDTH / BINS
    points = (
        f"{place * width:.1f} {_HEIGHT - (_HEIGHT - 2) * height:.1f}H{(place + 1) * width:.1f}"
        for place, height in enumerate(heights)
    )
    return "L".join(points)
