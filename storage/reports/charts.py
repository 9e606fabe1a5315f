"""The reports' charts as inline SVG: no script, no external asset, colours by the style sheet's classes.

Text stands in HTML wherever a chart is stretched to its box, so that it stays readable on a phone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from storage.reports import figures
from storage.reports.drift_columns import measure_excess
from xray_model.outcomes import ColumnChart, ColumnDrift, Interval

_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 350.0, 12.0, 118.0
_HEIGHT = 142
_TICKS = (0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_TICKS = 5
_SHARE_OF_BOX = 4.0


@dataclass(frozen=True, slots=True)
class VersionPoint:
    """One model version in the history chart."""

    version: int
    score: Interval
    promoted: bool


def draw_parts(parts: Sequence[tuple[str, int]]) -> Markup:
    """One bar divided among `(class name, count)`, with gaps between the parts."""
    whole = sum(number for _, number in parts)
    pieces = []
    start = 0.0
    for name, number in parts:
        if number:
            width = 100 * number / whole
            pieces.append(
                Markup('<rect class="{}" x="{:.3f}" width="{:.3f}" height="10"/>').format(
                    name, start, max(width - 0.35, 0.35)
                )
            )
            start += width
    return Markup(
        '<svg class="parts" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(Markup("").join(pieces))


def draw_share(share: float, name: str = "fill", *, upright: bool = False) -> Markup:
    """A bar filled by `share` (0 to 1) of its box, from the left or, `upright`, from below."""
    extent = 100 * min(max(share, 0.0), 1.0)
    rect = (
        Markup('<rect class="{}" width="100" y="{:.2f}" height="{:.2f}"/>').format(name, 100 - extent, extent)
        if upright
        else Markup('<rect class="{}" height="100" width="{:.2f}"/>').format(name, extent)
    )
    kind = "column" if upright else "share"
    return Markup(
        '<svg class="{}" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(kind, rect)


def draw_drift(column: ColumnDrift) -> Markup:
    """A column's score as a bar, with its threshold as a line at a quarter of the box (the box ends at four times)."""
    extent = 100 * min(measure_excess(column), _SHARE_OF_BOX) / _SHARE_OF_BOX
    return Markup(
        '<svg class="share" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="{}" height="100" width="{:.2f}"/><path class="limit" d="M{:.0f} -20V120"/></svg>'
    ).format("moved" if column.moved else "fill", extent, 100 / _SHARE_OF_BOX)


def draw_interval(score: Interval, name: str) -> Markup:
    """A score with its interval on an axis from 0 to 1: a pale bar for the interval, a dot for the score."""
    if not _is_finite(score):
        return Markup("")
    return Markup(
        '<svg class="interval {}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="axis" d="M0 5H100M25 2V8M50 2V8M75 2V8"/>'
        '<path class="range" d="M{:.2f} 5H{:.2f}"/><path class="dot" d="M{:.2f} 5h.01"/></svg>'
    ).format(name, 100 * score.low, 100 * score.high, 100 * score.value)


def mark_scale(scores: Iterable[float]) -> tuple[float, ...]:
    """Round figures, evenly apart, from below the lowest of some scores to above the highest: marks of one scale."""
    finite = [score for score in scores if math.isfinite(score)] or [0.0, 1.0]
    axis = _Axis.around(min(finite), max(finite))
    return tuple(axis.low + axis.step * number for number in range(round((axis.high - axis.low) / axis.step) + 1))


def draw_standing(score: Interval, folds: Sequence[float], scale: Sequence[float], name: str) -> Markup:
    """A score with its interval on a scale of `mark_scale`, and a tick for each of the trainings it comes from."""
    low, high = scale[0], scale[-1]

    def at(value: float) -> float:
        return 100 * (value - low) / (high - low)

    ticks = "".join(f"M{at(fold):.2f} 0V2.6" for fold in folds)
    return Markup(
        '<svg class="interval standing {}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="axis" d="{}"/><path class="range" d="M{:.2f} 6H{:.2f}"/><path class="fold" d="{}"/>'
        '<path class="dot" d="M{:.2f} 6h.01"/></svg>'
    ).format(
        name,
        "".join(f"M{at(mark):.2f} -3V13" for mark in scale),
        at(score.low),
        at(score.high),
        ticks,
        at(score.value),
    )


def draw_history(points: Sequence[VersionPoint], label: str) -> Markup:
    """Scores by model version with their intervals; the champions joined by a line, the others hollow."""
    finite = [point for point in points if _is_finite(point.score)]
    if not finite:
        return Markup("")
    low = min(point.score.low for point in finite)
    axis = _Axis.around(low, max(point.score.high for point in finite))
    places = [_place(number, len(finite)) for number in range(len(finite))]
    champions = [(x, axis.at(point.score.value)) for x, point in zip(places, finite, strict=True) if point.promoted]
    pieces = [axis.draw()]
    if len(champions) > 1:
        pieces.append(_line(champions, "line"))
    for x, point in zip(places, finite, strict=True):
        y = axis.at(point.score.value)
        name = "champion" if point.promoted else "other"
        pieces.append(
            Markup(
                '<g class="{}"><path class="range" d="M{:.1f} {:.1f}V{:.1f}"/><circle cx="{:.1f}" cy="{:.1f}" r="4.5"/>'
                '<text x="{:.1f}" y="136" text-anchor="middle">v{}</text></g>'
            ).format(name, x, axis.at(point.score.low), axis.at(point.score.high), x, y, x, point.version)
        )
    return _chart(label, pieces)


def draw_curves(curves: Sequence[tuple[str, Sequence[float]]], best: int, best_label: str, label: str) -> Markup:
    """Curves over epochs as `(class name, values)`; an upright line marks the place `best` (from 1, 0 for none)."""
    values = [value for _, curve in curves for value in curve if math.isfinite(value)]
    if not values:
        return Markup("")
    axis = _Axis.around(min(values), max(values))
    length = max(len(curve) for _, curve in curves)
    pieces = [axis.draw()]
    if 1 <= best <= length:
        x = _place(best - 1, length)
        pieces.append(
            Markup(
                '<path class="best" d="M{:.1f} {}V{}"/><text x="{:.1f}" y="136" text-anchor="middle">{}</text>'
            ).format(x, _TOP, _BOTTOM, x, best_label)
        )
    for name, curve in curves:
        places = [
            (_place(number, length), axis.at(value)) for number, value in enumerate(curve) if math.isfinite(value)
        ]
        pieces.append(_line(places, f"line {name}"))
        pieces.extend(
            Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(name, x, y) for x, y in places
        )
    return _chart(label, pieces)


def draw_bundle(
    curves: Sequence[tuple[str, Sequence[float], int]], scale: Sequence[float], epochs: int, label: str
) -> Markup:
    """Curves of many trainings on one scale and as long an axis as others have, so that charts can be compared.

    Args:
        curves: each as class name, its values by epoch, and the place from 1 of the one to mark (0 for none).
        scale: as `mark_scale` gives it.
        epochs: of the longest training of all charts.
        label: in words.
    """
    axis = _Axis(scale[0], scale[-1], scale[1] - scale[0])
    pieces = [axis.draw()]
    for name, curve, marked in curves:
        places = [
            (_place(number, epochs), axis.at(value), number + 1 == marked)
            for number, value in enumerate(curve)
            if math.isfinite(value)
        ]
        pieces.append(_line([(x, y) for x, y, _ in places], f"line thread {name}"))
        pieces.extend(
            Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.2"/>').format(name, x, y)
            for x, y, is_marked in places
            if is_marked
        )
    ends = [(0, "epoch 1", "start"), (epochs - 1, f"{epochs}", "end")] if epochs > 1 else [(0, "epoch 1", "middle")]
    pieces.extend(
        Markup('<text x="{:.1f}" y="136" text-anchor="{}">{}</text>').format(_place(place, epochs), anchor, text)
        for place, text, anchor in ends
    )
    return _chart(label, pieces)


def draw_overlay(chart: ColumnChart, label: str) -> Markup:
    """Both histograms of a number over the same bins: the known images as a filled area, the new as a line."""
    shares = [*chart.current, *chart.reference]
    if len(chart.edges) != len(chart.labels) + 1 or not any(share > 0 for share in shares):
        return Markup("")
    axis = _Axis.around(0.0, max(shares))
    bins = len(chart.labels)
    places = [_LEFT + (_RIGHT - _LEFT) * number / bins for number in range(bins + 1)]
    marks = [
        Markup('<text x="{:.1f}" y="136" text-anchor="{}">{}</text>').format(
            places[place], anchor, figures.number(chart.edges[place])
        )
        for place, anchor in ((0, "start"), (bins // 2, "middle"), (bins, "end"))
    ]
    steps = [
        Markup('<path class="{}" d="M{:.1f} {}L{}L{:.1f} {}"/>').format(
            name, places[0], _BOTTOM, _climb(places, values, axis), places[-1], _BOTTOM
        )
        for name, values in (("known", chart.reference), ("new", chart.current))
    ]
    return _chart(label, [axis.draw(), *steps, *marks])


@dataclass(frozen=True, slots=True)
class _Axis:
    """An upright axis over round numbers."""

    low: float
    high: float
    step: float

    @classmethod
    def around(cls, low: float, high: float) -> "_Axis":
        """The finest round steps that need at most five lines."""
        scale = 10.0 ** math.ceil(math.log10(max(high - low, 0.01)))
        for tick in _TICKS:
            step = tick * scale
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if last - first < _MOST_TICKS:
                break
        return cls(first * step, max(last, first + 1) * step, step)

    def at(self, value: float) -> float:
        """Height of a value on the page."""
        return _BOTTOM - (_BOTTOM - _TOP) * (value - self.low) / (self.high - self.low)

    def draw(self) -> Markup:
        """The grid lines with their figures."""
        lines = round((self.high - self.low) / self.step)
        marks = [self.low + number * self.step for number in range(lines + 1)]
        return Markup("").join(
            Markup('<path class="grid" d="M{} {:.1f}H{}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                _LEFT, self.at(mark), _RIGHT, _LEFT - 6, self.at(mark) + 4, figures.fraction(mark)
            )
            for mark in marks
        )


def _climb(places: Sequence[float], shares: Sequence[float], axis: _Axis) -> str:
    """The outline of a histogram from the left of its first bin to the right of its last."""
    return "L".join(
        f"{left:.1f} {axis.at(share):.1f}L{right:.1f} {axis.at(share):.1f}"
        for left, right, share in zip(places[:-1], places[1:], shares, strict=True)
    )


def _place(number: int, length: int) -> float:
    margin = 18.0
    if length == 1:
        return (_LEFT + _RIGHT) / 2
    return _LEFT + margin + (_RIGHT - _LEFT - 2 * margin) * number / (length - 1)


def _line(places: Sequence[tuple[float, float]], name: str) -> Markup:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return Markup('<path class="{}" d="M{}"/>').format(name, path) if places else Markup("")


def _chart(label: str, pieces: Sequence[Markup]) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 360 {}" role="img" aria-label="{}">{}</svg>').format(
        _HEIGHT, label, Markup("").join(pieces)
    )


def _is_finite(score: Interval) -> bool:
    return all(math.isfinite(value) for value in (score.value, score.low, score.high))
