"""Whether the model's probabilities mean what they say."""

from matplotlib.axes import Axes

from xray_model.evaluation.figures.canvas import (
    CHALLENGER,
    INK,
    LINE,
    SOFT,
    Drawing,
    canvas,
    scale_scores,
    to_svg,
    words_of,
)
from xray_model.outcomes import Calibration, ReliabilityBin, format_fraction


def draw_reliability(calibration: Calibration) -> Drawing:
    """How often the most probable class is right by how probable it was held, with the images behind each point."""
    bins = calibration.bins
    with canvas(4.9) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
        upper.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=(0, (2, 3)))
        upper.text(0.12, 0.03, "as sure as right", color=SOFT, size=8.5)
        upper.vlines([bin_.confidence for bin_ in bins], *_bounds(bins), color=CHALLENGER, linewidth=5, alpha=0.35)
        points = [bin_.confidence for bin_ in bins], [bin_.accuracy.value for bin_ in bins]
        upper.plot(*points, color=CHALLENGER, marker="o", markersize=5.5, linewidth=1.2)
        scale_scores(upper)
        upper.tick_params(labelbottom=False)
        upper.set_ylim(0, 1.02)
        upper.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])
        upper.set_ylabel("share that is right")
        upper.grid(axis="y", linewidth=0.8)
        _draw_counts(lower, bins)
        svg = to_svg(figure)
    return Drawing("reliability", "Do its probabilities mean what they say", _say(calibration), svg)


def _bounds(bins: tuple[ReliabilityBin, ...]) -> tuple[list[float], list[float]]:
    return [bin_.accuracy.low for bin_ in bins], [bin_.accuracy.high for bin_ in bins]


def _draw_counts(axes: Axes, bins: tuple[ReliabilityBin, ...]) -> None:
    middles = [(bin_.low + bin_.high) / 2 for bin_ in bins]
    widths = [0.92 * (bin_.high - bin_.low) for bin_ in bins]
    axes.bar(middles, [bin_.images for bin_ in bins], width=widths, color=LINE)
    for middle, bin_ in zip(middles, bins, strict=True):
        axes.text(middle, bin_.images, f"{bin_.images:,}", ha="center", va="bottom", size=7.5, color=INK)
    scale_scores(axes, "how sure it is: probability of its most likely class")
    axes.set_ylim(0, 1.35 * max((bin_.images for bin_ in bins), default=1))
    axes.set_yticks([])
    axes.set_ylabel("images")
    axes.grid(visible=False)


def _say(calibration: Calibration) -> str:
    worst = max(calibration.bins, key=lambda bin_: bin_.images * abs(bin_.confidence - bin_.accuracy.value))
    error = calibration.error
    side = (
        "below the dotted line, it is surer than right"
        if worst.confidence > worst.accuracy.value
        else "above the dotted line, it is right more often than it is sure"
    )
    return (
        f"Where points lie {side}: the two differ by {format_fraction(error.value)} on average (95 % interval "
        f"{words_of(error)}), most on {worst.images:,} images of which it is {100 * worst.confidence:.0f} % sure and "
        f"{100 * worst.accuracy.value:.0f} % are right."
    )
