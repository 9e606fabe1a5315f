"""Charts of a snapshot as inline SVG, beside tables that have their numbers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from storage.reports import charts
from xray_model.data.intensities import BINS, LEVELS
from xray_model.evaluation.exploring import Crossed, Sizes, Tally
from xray_model.outcomes import ColumnChart

_SHADES = 5
_LEFT, _TOP, _SIDE = 44, 10, 240


def shade_name(place: int, head: str | None) -> str:
    """The colour of a column of a table, as a class of the style sheet; what is not known is gray."""
    return "s0" if head is None else f"s{place % _SHADES + 1}"


def draw_tally(crossed: Crossed, tally: Tally) -> Markup:
    """A row of a table as a bar divided by its columns; the longest bar has the most images."""
    longest = max((row.images for row in crossed.rows), default=0)
    parts = [
        (shade_name(place, head), number)
        for place, (head, number) in enumerate(zip(crossed.heads, tally.counts, strict=True))
    ]
    return charts.draw_parts([*parts, ("void", longest - tally.images)])


def draw_sizes(sizes: Sizes) -> Markup:
    """Widths against heights: the stronger the colour of a square, the more images; nothing where no size is known."""
    most = max((images for line in sizes.grid for images in line), default=0)
    if not most:
        return Markup("")
    cell = _SIDE / len(sizes.grid)
    bottom = _TOP + _SIDE
    squares = [
        Markup(
            '<rect class="fill" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill-opacity="{:.2f}"/>'
        ).format(
            _LEFT + cell * column, bottom - cell * (row + 1), cell - 1, cell - 1, 0.15 + 0.85 * (images / most) ** 0.5
        )
        for row, line in enumerate(sizes.grid)
        for column, images in enumerate(line)
        if images
    ]
    marks = [
        Markup(
            '<text x="{:.1f}" y="{}" text-anchor="middle">{}</text><text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(_LEFT + _SIDE * share, bottom + 16, at, _LEFT - 6, bottom - _SIDE * share + 4, at)
        for share, at in ((0.0, "0"), (0.5, f"{sizes.reach / 2:.0f}"), (1.0, f"{sizes.reach}"))
    ]
    return Markup(
        '<svg class="chart" viewBox="0 0 310 290" role="img" aria-label="Widths and heights of the files in pixels">'
        '<path class="grid" fill="none" d="M{left} {top}V{bottom}H{right}"/>{squares}{marks}'
        '<text x="{middle}" y="{below}" text-anchor="middle">width, pixels (height upwards)</text></svg>'
    ).format(
        left=_LEFT,
        top=_TOP,
        bottom=bottom,
        right=_LEFT + _SIDE,
        squares=Markup("").join(squares),
        marks=Markup("").join(marks),
        middle=_LEFT + _SIDE / 2,
        below=bottom + 34,
    )


def draw_levels(shares: npt.NDArray[np.float64], everything: npt.NDArray[np.float64], name: str) -> Markup:
    """Gray levels of some images as a line over those of all as an area; both are shares of pixels by level [256]."""
    wide = LEVELS // BINS
    chart = ColumnChart(
        labels=tuple(f"{start}-{start + wide - 1}" for start in range(0, LEVELS, wide)),
        edges=tuple(float(edge) for edge in range(0, LEVELS + 1, wide)),
        current=_bin(shares),
        reference=_bin(everything),
    )
    return charts.draw_overlay(chart, f"Gray levels of {name}, over those of all images")


def _bin(shares: npt.NDArray[np.float64]) -> tuple[float, ...]:
    binned: Sequence[float] = shares.reshape(BINS, -1).sum(axis=1).tolist()
    return tuple(binned)
