"""How numbers, times and intervals are written in every report."""

import math
from datetime import UTC, datetime

from xray_model.outcomes import Interval, format_fraction

_SPELLED = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_DASH = "\N{EN DASH}"
_MINUTE = 60
_SMALLEST = 1e-9


def count(number: int) -> str:
    """`1204` as `1,204`."""
    return f"{number:,}"


def number(value: float) -> str:
    """A measured number with three digits, and no power of ten: `0.0412`, `47.4`, `1,204`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def plural(number: int, noun: str) -> str:
    """`1 image`, `1,204 images`, `2 batches`."""
    return f"{count(number)} {noun if number == 1 else plural_noun(noun)}"


def spelled(number: int, noun: str) -> str:
    """`Two batches` at the start of a sentence; figures from ten on."""
    if number < len(_SPELLED):
        return f"{_SPELLED[number]} {noun if number == 1 else plural_noun(noun)}"
    return plural(number, noun)


def plural_noun(noun: str) -> str:
    """The plural of a noun of the reports; its last word carries the ending."""
    return f"{noun}es" if noun.endswith("batch") else f"{noun}s"


def fraction(value: float | None) -> str:
    """A score between 0 and 1 with two decimals and no leading zero: `.86`, `1.00`; a dash where it is not defined."""
    if value is None or not math.isfinite(value):
        return _DASH
    return format_fraction(value)


def interval(score: Interval) -> str:
    """`.86, 95 % interval .82 to .90`."""
    return f"{fraction(score.value)}, 95 % interval {fraction(score.low)} to {fraction(score.high)}"


def percent(part: float, whole: float) -> str:
    """A share in whole per cent, `under 1 %` where rounding would make something nothing; a dash of nothing."""
    if whole <= 0:
        return _DASH
    share = 100 * part / whole
    if 0 < share < 1:
        return "under 1 %"
    if part < whole and share > 99:  # noqa: PLR2004 - so that 100 % means all
        return "over 99 %"
    return f"{share:.0f} %"


def probability(value: float) -> str:
    """A model's probability as `percent`; none is told as nothing or as certainty, to which float32 may round it."""
    return percent(min(max(value, _SMALLEST), 1 - _SMALLEST), 1)


def moment(time: datetime) -> str:
    """`21 Nov 2026, 02:14 UTC`; a time without a zone is taken for UTC."""
    return f"{_utc(time):%d %b %Y, %H:%M} UTC".removeprefix("0")


def day(time: datetime) -> str:
    """`21 Nov`."""
    return f"{_utc(time):%d %b}".removeprefix("0")


def clock(time: datetime) -> str:
    """`21 Nov, 02:14`, in UTC: for lists that say the zone once."""
    return f"{_utc(time):%d %b, %H:%M}".removeprefix("0")


def month(time: datetime) -> str:
    """`November 2026`."""
    return f"{_utc(time):%B %Y}"


def duration(seconds: float) -> str:
    """`8 seconds`, `12 minutes`, `1 hour 5 minutes`."""
    if round(seconds) < _MINUTE:
        return plural(round(seconds), "second")
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    if not hours:
        return plural(minutes, "minute")
    return plural(hours, "hour") + (f" {plural(minutes, 'minute')}" if minutes else "")


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
