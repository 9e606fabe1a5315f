"""Charts as inline SVG."""

import math
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.reports import charts
from xray_model.outcomes import ColumnChart, DriftOutcome, Interval

_SCORE = st.floats(0, 1)


@given(counts=st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_parts_fill_the_bar_and_no_more(counts: list[int]) -> None:
    """The parts of a bar are as wide as their shares, and nothing is drawn of nothing."""
    drawn = str(charts.draw_parts([(f"c{place}", count) for place, count in enumerate(counts)]))
    starts = [float(text) for text in re.findall(r' x="([\d.]+)"', drawn)]
    widths = [float(text) for text in re.findall(r' width="([\d.]+)"', drawn)]
    assert len(widths) == sum(count > 0 for count in counts)
    assert all(start + width <= 100.5 for start, width in zip(starts, widths, strict=True))


@given(scores=st.lists(st.tuples(_SCORE, _SCORE, _SCORE).map(sorted), min_size=1, max_size=8))
def test_history_stays_inside_its_frame(scores: list[list[float]]) -> None:
    """Every score and interval lies between the lowest and the highest grid line."""
    points = [
        charts.VersionPoint(version, Interval(low=low, value=value, high=high), promoted=version % 2 == 0)
        for version, (low, value, high) in enumerate(scores)
    ]
    drawn = str(charts.draw_history(points, "F1"))
    grid = [float(text) for text in re.findall(r'class="grid" d="M34\.0 ([\d.]+)H', drawn)]
    heights = [float(text) for text in re.findall(r'cy="([\d.]+)"', drawn)]
    assert 2 <= len(grid) <= 7
    assert len(heights) == len(scores)
    assert min(grid) - 0.1 <= min(heights)
    assert max(heights) <= max(grid) + 0.1


def test_undefined_scores_draw_nothing() -> None:
    """A score that is not a number leaves its chart empty."""
    nothing = Interval(value=math.nan, low=math.nan, high=math.nan)
    assert charts.draw_interval(nothing, "mine") == ""
    assert charts.draw_history([charts.VersionPoint(1, nothing, promoted=True)], "F1") == ""
    assert charts.draw_curves([("mine", [math.nan])], 1, "epoch 1", "Loss") == ""


def test_labels_are_escaped() -> None:
    """A class name from outside cannot leave its attribute."""
    point = charts.VersionPoint(1, Interval(value=0.5, low=0.4, high=0.6), promoted=True)
    assert '"><script' not in charts.draw_history([point], '"><script>alert(1)</script>')


@pytest.mark.parametrize(("score", "width"), [(0.0, 0), (0.3, 25), (0.6, 50), (9.0, 100)])
def test_drift_bar_is_measured_in_thresholds(
    make_drift: Callable[..., DriftOutcome], score: float, width: float
) -> None:
    """A bar reaches the limit line when the score reaches its threshold, and never leaves its box."""
    column = make_drift(1).columns[0].model_copy(update={"score": score})
    found = re.search(r'height="100" width="([\d.]+)"', str(charts.draw_drift(column)))
    assert found
    assert float(found[1]) == pytest.approx(width)


@given(shares=st.lists(st.tuples(_SCORE, _SCORE), min_size=1, max_size=20))
def test_overlay_stays_inside_its_frame(shares: list[tuple[float, float]]) -> None:
    """Both outlines of a histogram go from the left edge to the right, and neither above the top nor below the line."""
    bins = len(shares)
    chart = ColumnChart(
        labels=tuple(map(str, range(bins))),
        edges=tuple(map(float, range(bins + 1))),
        current=tuple(new for new, _ in shares),
        reference=tuple(known for _, known in shares),
    )
    drawn = str(charts.draw_overlay(chart, "ages"))
    outlines = re.findall(r'class="(?:known|new)" d="M([^"]+)"', drawn)
    assert len(outlines) == 2 * any(new > 0 or known > 0 for new, known in shares)
    for outline in outlines:
        points = [tuple(map(float, point.split())) for point in outline.split("L")]
        assert len(points) == 2 * bins + 2
        assert (points[0][0], points[-1][0]) == (34, 350)
        assert all(12 - 0.1 <= y <= 118 for _, y in points)


def test_overlay_of_a_category_draws_nothing() -> None:
    """Bars without edges are no histogram."""
    chart = ColumnChart(labels=("GE", "Agfa"), current=(0.1, 0.9), reference=(0.6, 0.4))
    assert charts.draw_overlay(chart, "maker") == ""


@given(scores=st.lists(_SCORE, min_size=1, max_size=12))
def test_scale_holds_all_scores(scores: list[float]) -> None:
    """The marks of a scale are evenly apart, a handful, and hold every score between the first and the last."""
    scale = charts.mark_scale([*scores, math.nan])
    assert 2 <= len(scale) <= 7
    assert scale[0] <= min(scores) + 1e-9
    assert max(scores) <= scale[-1] + 1e-9
    steps = [after - before for before, after in pairwise(scale)]
    assert steps == pytest.approx([steps[0]] * len(steps))


def test_standing_is_drawn_on_the_scale_of_all() -> None:
    """A score halfway on the scale stands in the middle, with a tick for each training."""
    drawn = str(charts.draw_standing(Interval(value=0.7, low=0.6, high=0.8), (0.6, 0.75), (0.6, 0.7, 0.8), "mine"))
    assert 'd="M50.00 6h.01"' in drawn
    assert 'class="range" d="M0.00 6H100.00"' in drawn
    assert 'class="fold" d="M0.00 0V2.6M75.00 0V2.6"' in drawn


def test_bundle_marks_the_epoch_of_each_training() -> None:
    """Every training is a line on the axis of the longest, with one dot at its kept epoch; no NaN is drawn."""
    curves = [("mine", (0.2, math.nan, 0.6), 3), ("mine", (0.4, 0.5), 1)]
    drawn = str(charts.draw_bundle(curves, (0.0, 0.5, 1.0), 3, "F1"))
    assert drawn.count('class="line thread mine"') == 2
    assert drawn.count("<circle") == 2
    assert "nan" not in drawn
    assert 'cx="332.0"' in drawn  # the right end, where the longest training ends
    assert charts.draw_bundle([("mine", (0.2,), 1)], (0.0, 1.0), 1, "F1")
