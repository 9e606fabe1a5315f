"""Numbers, times and intervals as a report writes them."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.reports import figures
from xray_model.outcomes import Interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.857, ".86"),
        (1.0, "1.00"),
        (0.0, ".00"),
        (1.5, "1.50"),
        (None, "\u2013"),
        (math.nan, "\u2013"),
    ],
)
def test_fraction(value: float | None, text: str) -> None:
    """A score has two decimals and no leading zero, and a dash stands where there is none."""
    assert figures.fraction(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.04123, "0.0412"), (47.44, "47.4"), (1204.4, "1,204"), (-2.5, "-2.5"), (0.0, "0")]
)
def test_measured_number(value: float, text: str) -> None:
    """A measured number has three digits and no power of ten."""
    assert figures.number(value) == text


def test_interval_names_its_basis() -> None:
    """A score is never written without its interval."""
    assert figures.interval(Interval(value=0.86, low=0.82, high=0.9)) == ".86, 95 % interval .82 to .90"


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "image", "1 image"), (1204, "image", "1,204 images"), (0, "batch", "0 batches"), (14, "epoch", "14 epochs")],
)
def test_plural(number: int, noun: str, text: str) -> None:
    """A count and its noun agree."""
    assert figures.plural(number, noun) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "under 1 %"), (0.4, "40 %"), (0.994, "over 99 %"), (1.0, "over 99 %")]
)
def test_probability_is_never_certainty(value: float, text: str) -> None:
    """A model is sure of nothing, also where its softmax is rounded to 1."""
    assert figures.probability(value) == text


@given(part=st.integers(0, 10**6), rest=st.integers(0, 10**6))
def test_percent_rounds_nothing_away(part: int, rest: int) -> None:
    """Only nothing is 0 %, only all is 100 %."""
    text = figures.percent(part, part + rest)
    if part + rest:
        assert (text == "0 %") == (part == 0)
        assert (text == "100 %") == (rest == 0)
    else:
        assert text == "\u2013"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 second"), (59.4, "59 seconds"), (92, "2 minutes"), (3599, "1 hour"), (3900, "1 hour 5 minutes")],
)
def test_duration(seconds: float, text: str) -> None:
    """A duration is rounded to what a person wants to know."""
    assert figures.duration(seconds) == text


def test_times_are_utc() -> None:
    """A time of any zone is written in UTC, and says so."""
    time = datetime(2026, 11, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert figures.moment(time) == "31 Oct 2026, 23:30 UTC"
    assert figures.moment(datetime(2026, 11, 1, 2, 0, tzinfo=UTC).replace(tzinfo=None)) == "1 Nov 2026, 02:00 UTC"
