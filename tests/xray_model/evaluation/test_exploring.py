"""Counting what a set of images is made of: tables of cases, and that no image is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.evaluation.exploring import DECADES, Tally, count_sizes, cross, find_pairs, name_decades

VALUES = st.sampled_from(["a", "b", "c", "<b>&", "other", "not known", "", None])
ROWS = st.lists(st.tuples(VALUES, st.sampled_from(["x", "y", None]), st.sampled_from("pqrs")), max_size=40)


def frame(rows: list[tuple[str | None, str | None, str]]) -> pd.DataFrame:
    """Rows as columns of objects."""
    return pd.DataFrame(rows, columns=["value", "head", "patient"], dtype=object)


def test_images_by_value_and_class() -> None:
    """The most frequent value is first, what is not known last, and patients are counted once for each value."""
    rows = frame([("PA", "covid", "p"), ("PA", "covid", "p"), ("AP", "normal", "q"), (None, "covid", "r")])
    found = cross(rows["value"], rows["head"], rows["patient"])
    assert found.heads == ("covid", "normal")
    assert found.rows == (Tally("PA", (2, 0), 1), Tally("AP", (0, 1), 1), Tally(None, (1, 0), 1))
    assert found.unknown is found.rows[-1]


def test_values_of_few_patients_and_late_ones_are_folded() -> None:
    """What fewer patients have than asked for, or comes after the last that is listed, is one row with its patients."""
    rows = frame([("a", "x", f"p{place}") for place in range(6)] + [("b", "x", "q"), ("c", "x", "q"), (None, "x", "r")])
    found = cross(rows["value"], rows["head"], rows["patient"], least_patients=2)
    assert found.rows == (Tally("a", (6,), 6), Tally("other", (2,), 1), Tally(None, (1,), 1))
    assert found.folded == 2
    assert cross(rows["value"], rows["head"], rows["patient"], most=2).folded == 1


def test_an_order_keeps_values_without_an_image() -> None:
    """Rows in a given order are all there, and a value that it does not name is folded, not lost."""
    rows = frame([("b", "x", "p"), ("z", "x", "q")])
    found = cross(rows["value"], rows["head"], rows["patient"], order=("a", "b"))
    assert [(tally.value, tally.images) for tally in found.rows] == [("a", 0), ("b", 1), ("other", 1)]


@settings(deadline=None)
@given(ROWS, st.integers(0, 3), st.integers(0, 3))
def test_no_image_is_lost(rows: list[tuple[str | None, str | None, str]], most: int, least: int) -> None:
    """However many rows are listed, their images are all images, and those not known are a row of their own."""
    facts = frame(rows)
    found = cross(facts["value"], facts["head"], facts["patient"], most=most, least_patients=least)
    assert found.images == len(rows)
    assert (found.unknown.images if found.unknown else 0) == sum(value is None for value, _, _ in rows)
    assert len(found.known) <= most


@pytest.mark.parametrize(
    ("age", "decade"),
    [(0.0, "0-9"), (9.9, "0-9"), (10, "10-19"), (89.5, "80-89"), (90, "90+"), (130, "90+"), (-1, None), (np.nan, None)],
)
def test_decade_of_an_age(age: float, decade: str | None) -> None:
    """Completed years decide; what is below 0 is not known."""
    assert name_decades(pd.Series([age])).tolist() == [decade]


def test_all_ages_missing_are_a_row() -> None:
    """Ages that are all missing, of whatever type, leave all decades empty and one row with every image."""
    for ages in (pd.Series([None, None], dtype=object), pd.Series([np.nan, np.nan])):
        found = cross(name_decades(ages), pd.Series(["F", None]), pd.Series(["p", "q"]), order=DECADES)
        assert [tally.images for tally in found.rows] == [0] * len(DECADES) + [2]


def test_sizes_and_what_was_enlarged() -> None:
    """Sizes that are not known are a row; the grid holds each known one, and the smallest are counted."""
    rows = pd.DataFrame(
        {
            "width": [100, 100, 400, np.nan],
            "height": [50, 50, 400, np.nan],
            "label": "covid",
            "patient_id": list("pqrs"),
        }
    )
    found = count_sizes(rows, 320, cells=4)
    assert [(tally.value, tally.images) for tally in found.commonest.rows] == [
        ("100 x 50", 2),
        ("400 x 400", 1),
        (None, 1),
    ]
    assert found.grid == ((0, 2, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 1))
    assert (found.reach, found.enlarged) == (400, 2)
    assert found.megapixels == pytest.approx((0.005, 0.005, 0.16))


def test_no_size_is_known() -> None:
    """Without any size there are no megapixels and an empty grid."""
    rows = pd.DataFrame({"width": [np.nan], "height": [np.nan], "label": ["covid"], "patient_id": ["p"]})
    found = count_sizes(rows, 320)
    assert found.megapixels is None
    assert not np.any(found.grid)


def test_pairs_say_how_the_two_differ() -> None:
    """An image nearly like an earlier one is paired with it; one without a hash is like no other."""
    near = "f" * 63 + "e"
    rows = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "phash": ["f" * 64, near, "0" * 64, None],
            "split": ["train", "test", "train", "train"],
            "label": ["covid", "normal", "covid", "covid"],
            "patient_id": list("pprs"),
        },
        index=[7, 3, 5, 1],
    )
    found = find_pairs(rows)
    assert found.to_dict("records") == [
        {"first": "a", "second": "b", "two_labels": True, "two_splits": True, "two_patients": False}
    ]
    assert find_pairs(rows.iloc[2:]).empty
