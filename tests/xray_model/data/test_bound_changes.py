"""Changes of bounds: which count, and which can be."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data.bound_changes import BoundsChange, Limits, fold_changes, request_change
from xray_model.data.bounds import DEFAULTS
from xray_model.errors import InvalidInput

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def change(number: int, minute: int = 0, /, **bounds: tuple[float | None, float | None] | None) -> BoundsChange:
    """Change `number`, at so many minutes after noon."""
    limits = {
        name.replace("_", "-"): side and Limits(low=side[0], high=side[1]) for name, side in sorted(bounds.items())
    }
    return BoundsChange(
        codes=tuple(limits),
        who="ada",
        why="seen",
        id=f"{number:016x}",
        when=NOON + timedelta(minutes=minute),
        bounds={code: side or None for code, side in limits.items()},
    )


def test_without_a_change_the_first_bounds_are_in_force() -> None:
    """Nothing is changed by nobody."""
    found = fold_changes([])
    assert (found.bounds, found.id) == (DEFAULTS, None)


def test_later_change_of_a_rule_counts() -> None:
    """Each rule follows the last change that names it; one that puts it back leaves the others alone."""
    changes = [
        change(1, 0, blank=(14.0, None), odd_shape=(0.6, 2.0)),
        change(2, 1, blank=(15.0, None)),
        change(3, 2, odd_shape=None),
    ]
    found = fold_changes(changes)
    assert (found.bounds["blank"].low, found.bounds["odd-shape"], found.id) == (
        15.0,
        DEFAULTS["odd-shape"],
        f"{3:016x}",
    )
    assert fold_changes(changes[:1]).bounds["odd-shape"].words == "0.6 to 2"


SIDES = st.one_of(st.none(), st.floats(0.5, 100.0).map(lambda low: (low, None)))
CHANGES = st.lists(
    st.builds(
        change,
        st.integers(0, 5),
        st.integers(0, 3),
        blank=SIDES,
        too_dark=SIDES,
    ),
    max_size=6,
    unique_by=lambda one: (one.id, one.when),
)


@given(CHANGES, st.randoms())
def test_order_of_listing_does_not_matter(changes: list[BoundsChange], random: object) -> None:
    """The same changes give the same bounds in any order, and one that was recorded twice counts once."""
    shuffled = [*changes, *changes]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold_changes(shuffled) == fold_changes(changes)


@pytest.mark.parametrize(
    "bounds",
    [
        {"blank": (None, 14.0)},
        {"blank": (14.0, 90.0)},
        {"odd_shape": (0.6, None)},
        {"odd_shape": (2.0, 0.6)},
        {"odd_shape": (1.0, 1.0)},
        {"wide_border": (None, 1.2)},
        {"wide_border": (None, float("nan"))},
        {"inverted": (None, float("inf"))},
    ],
)
def test_bound_that_cannot_be_is_refused(bounds: dict[str, tuple[float | None, float | None]]) -> None:
    """A change gives the sides that its rule asks, in order and within what the figure can be."""
    with pytest.raises(ValueError, match="validation error"):
        change(1, **bounds)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"codes": ()}, "codes"),
        ({"codes": ("age-range",)}, "there is no bound age-range"),
        ({"why": " "}, "why: must not be blank"),
        ({"who": "a\u202eb"}, "control character"),
    ],
)
def test_request_that_makes_no_sense_is_refused(fields: dict[str, object], message: str) -> None:
    """A request names rules, a person and a reason."""
    with pytest.raises(InvalidInput, match=message):
        request_change(**{"codes": ("blank",), "who": "ada", "why": "seen"} | fields)


def test_missing_figure_is_not_outside() -> None:
    """An image without the figure breaks no bound on it, as the rules have it."""
    values = np.array([np.nan, 0.4, 0.5, 2.5, 2.6])
    assert DEFAULTS["odd-shape"].outside(values).tolist() == [False, True, False, False, True]
