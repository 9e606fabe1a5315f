"""Which images of a batch a page shows."""

from urllib.parse import parse_qsl

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.console.choosing import STATUSES, Choice, fingerprint
from apps.console.paging import paginate
from storage.desk import Desk, Review
from storage.store import Store
from tests.apps.console.filling import fill, image_id
from xray_model.outcomes import BatchOutcome, BatchStatus

NOTHING = Review(BatchOutcome(batch_id="b", source="a", name="b", status=BatchStatus.ACCEPTED), pd.DataFrame(), ())


@pytest.fixture
def review(store: Store) -> Review:
    """A batch with three refused images, two that wait and one that was accepted."""
    statuses = ["quarantined", "held", "quarantined", "held", "quarantined", "accepted"]
    return Desk(store.objects).review(fill(store, "b", statuses))


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({}, [0, 2, 4]),
        ({"status": "held"}, [1, 3]),
        ({"status": "accepted"}, [5]),
        ({"status": "rejected"}, []),
        ({"status": "nonsense"}, [0, 2, 4]),
        ({"reason": "looks inverted"}, [0, 4]),
        ({"reason": "is a lateral view"}, [2]),
        ({"reason": "another"}, []),
        ({"clue": "manufacturer", "value": "GMM"}, [0, 2, 4]),
        ({"clue": "view", "value": "AP"}, [0]),
        ({"clue": "key", "value": "x"}, [0, 2, 4]),
        ({"clue": "sex", "value": "not told"}, [0, 2, 4]),
    ],
)
def test_an_address_names_images(review: Review, query: dict[str, str], places: list[int]) -> None:
    """Status, reason and clue narrow the images down; what names none of them is passed over."""
    rows = Choice.of(query, review).select(review)
    assert rows["image_id"].tolist() == [image_id("b", place) for place in places]


def test_what_waits_is_shown_first(store: Store) -> None:
    """Without a word the refused images are shown, else those that are held, else the accepted ones."""
    desk = Desk(store.objects)
    for name, statuses in [("quarantined", "quarantined held"), ("held", "held accepted"), ("accepted", "accepted")]:
        review = desk.review(fill(store, name, statuses.split()))
        assert Choice.of({}, review).status == name


@given(
    st.sampled_from(STATUSES),
    st.text(min_size=1) | st.none(),
    st.sampled_from([("view", "PA & <b>"), None]),
    st.integers(1, 999),
)
def test_a_choice_comes_back_from_its_address(
    status: str, reason: str | None, clue: tuple[str, str] | None, page: int
) -> None:
    """The address that a choice writes asks for that choice."""
    column, value = clue or (None, None)
    choice = Choice(status, reason, column, value, page)
    assert Choice.of(dict(parse_qsl(choice.query.removeprefix("?"))), NOTHING) == choice


@given(st.lists(st.integers()), st.integers(-3, 30), st.integers(1, 7))
def test_pages_hold_every_item_once(items: list[int], number: int, size: int) -> None:
    """All pages together are the list, and a page that is not there is the nearest that is."""
    first = paginate(items, 1, size)
    assert [item for page in range(1, first.pages + 1) for item in paginate(items, page, size).items] == items
    assert 1 <= paginate(items, number, size).number <= first.pages


def test_a_fingerprint_tells_lists_apart(review: Review) -> None:
    """Another image or another order is another list."""
    rows = review.rows
    marks = {fingerprint(rows), fingerprint(rows[:-1]), fingerprint(rows[::-1]), fingerprint(rows[:0])}
    assert len(marks) == 4
    assert fingerprint(rows.copy()) in marks
