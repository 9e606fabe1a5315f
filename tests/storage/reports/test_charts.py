"""Charts as inline SVG."""

import math
import re
from collections.abc import Callable

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
