"""What all drawings share: size, letters, colours for light and dark rooms; the same figures make the same bytes.

Nothing here touches pyplot, so that no drawing leaves a trace in the process or needs a display.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xray_model.outcomes import Interval, format_fraction

WIDTH: Final = 4.3
"""Inches: narrow enough that the letters can be read on a phone."""
INK, SOFT, LINE, CARD = "#16202c", "#566472", "#dde3e9", "#ffffff"
CHALLENGER, CHAMPION = "#0072b2", "#d98200"
CLASS_STYLES: Final = (
    (CHALLENGER, "solid"),
    (CHAMPION, (0, (5, 2))),
    ("#009e73", (0, (1.5, 1.5))),
    ("#cc79a7", (0, (6, 2, 1.5, 2))),
    ("#d55e00", (0, (9, 3))),
    (INK, (0, (3, 1, 1, 1, 1, 1))),
)
"""Colours of Okabe and Ito, each with dashes of its own, for the classes in their order."""
_DARK = {
    INK: "#e6ebf0",
    SOFT: "#9eabb8",
    LINE: "#2a343f",
    CARD: "#161d25",
    CHALLENGER: "#56b4e9",
    CHAMPION: "#e69f00",
    "#009e73": "#2bbd92",
    "#cc79a7": "#e0a3c6",
    "#d55e00": "#ff8a4c",
}
"""The same in a dark room; the colours are those of the reports' style sheet where it has them."""
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xray",
    "text.parse_math": False,  # a `$` in a scanner's name is no formula
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "figure.facecolor": CARD,
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "savefig.facecolor": CARD,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture of an evaluation."""

    name: str
    """Stem of its file, such as `confusion`."""
    title: str
    caption: str
    """One sentence that says what to see."""
    svg: str
    """A whole file: text as text, and colours that follow the reader's light or dark setting."""


@contextmanager
def canvas(height: float) -> Iterator[Figure]:
    """A figure of `WIDTH` by `height` inches, with the settings of all drawings while it is drawn on and saved."""
    with mpl.rc_context(_SETTINGS):
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def to_svg(figure: Figure) -> str:
    """The figure as an SVG file; to be called within `canvas`."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    names = {color: f"--c{place}" for place, color in enumerate(_DARK)}
    for color, name in names.items():
        text = text.replace(color, f"var({name})")
    light = ";".join(f"{name}:{color}" for color, name in names.items())
    dark = ";".join(f"{names[color]}:{shown}" for color, shown in _DARK.items())
    style = f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>\n "
    text = text.replace("'DejaVu Sans'", "system-ui,'DejaVu Sans',sans-serif")
    return text.replace("<defs>", style + "<defs>", 1)


def scale_scores(axes: Axes, label: str = "") -> None:
    """An axis of scores from 0 to 1 along the bottom, with a faint line at each quarter."""
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])
    axes.tick_params(length=0)
    axes.grid(axis="x", linewidth=0.8)
    axes.set_xlabel(label)
    axes.spines[["left", "bottom"]].set_visible(False)


def write_score(axes: Axes, y: float, score: Interval) -> None:
    """The score and its interval in figures, right of the axis at height `y`."""
    write_beside(axes, y, format_fraction(score.value), 6, color=INK, weight="bold")
    write_beside(axes, y, words_of(score), 29)


def write_beside(axes: Axes, y: float, text: str, points: float, color: str = SOFT, weight: str = "normal") -> None:
    """A word `points` right of the axis at height `y`."""
    axes.annotate(
        text,
        (1, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(points, 0),
        textcoords="offset points",
        va="center",
        color=color,
        weight=weight,
        size=9,
        annotation_clip=False,
    )


def words_of(score: Interval) -> str:
    """The bounds of an interval: `.82 to .90`."""
    return f"{format_fraction(score.low)} to {format_fraction(score.high)}"


def shorten(text: str, longest: int = 18) -> str:
    """A value from a source as it may stand in a drawing: printable, on one line, not too long."""
    shown = "".join(character for character in text if character.isprintable())
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
