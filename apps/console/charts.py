"""The console's charts of a batch against the accepted images, as inline SVG."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from storage.distributions import BINS, FIGURES, Spread

_WIDTH, _HEIGHT = 240.0, 64.0
_MOVED = 0.15
"""Share of images that would have to lie elsewhere, from which a figure is shown first and marked."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of a batch beside that of the accepted images."""

    words: str
    low: str
    high: str
    moved: float
    """Share of the batch's images that would have to lie elsewhere for the two to be alike, 0 to 1."""
    drawing: Markup

    @property
    def stands_apart(self) -> bool:
        """Whether it is worth a look."""
        return self.moved >= _MOVED


def compare_figures(batch: Spread, accepted: Spread) -> list[Comparison]:
    """Every figure that both have, the one that moved most first."""
    found = []
    for place, figure in enumerate(FIGURES):
        mine, theirs = batch.figures[place], accepted.figures[place]
        if not (mine.sum() and theirs.sum()):
            continue
        shares = mine / mine.sum(), theirs / theirs.sum()
        moved = float(np.abs(shares[0] - shares[1]).sum() / 2)
        drawing = draw_spread(*shares, label=figure.words)
        found.append(Comparison(figure.words, f"{figure.low:g}", f"{figure.high:g}", moved, drawing))
    return sorted(found, key=lambda one: -one.moved)


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
