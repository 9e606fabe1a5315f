"""What tells the classes of a set apart: cases with known answers."""

import math

import numpy as np
import pandas as pd
import pytest

from xray_model.evaluation.confounding import (
    Children,
    Sole,
    find_associations,
    find_children,
    find_sole_classes,
    find_sole_sources,
)


def frame(images: int = 80, **columns: object) -> pd.DataFrame:
    """Images of two classes of which nothing tells the class."""
    places = np.arange(images)
    rows = {
        "label": np.where(places % 2, "covid", "normal"),
        "patient_id": [f"p{place}" for place in places],
        "source": np.where(places // 2 % 2, "a", "b"),
        "view": np.where(places // 4 % 2, "AP", "PA"),
        "sex": np.where(places // 8 % 2, "F", "M"),
        "age": 40.0,
        "manufacturer": None,
    }
    return pd.DataFrame(rows | columns)


def test_nothing_goes_with_the_class() -> None:
    """Facts that are balanced over the classes have V 0, one that never varies or is never known has none."""
    found = {one.fact: one for one in find_associations(frame())}
    assert [found[fact].v for fact in ("source", "view", "sex")] == [0, 0, 0]
    assert math.isnan(found["age"].v)
    assert math.isnan(found["manufacturer"].v)
    assert found["manufacturer"].images == 0
    assert find_sole_classes(frame()) == find_sole_sources(frame()) == ()


def test_absence_goes_with_the_class() -> None:
    """A fact that is known of one class alone says nothing itself; that it is known tells the class, and is first."""
    sex = [("F" if place // 2 % 2 else "M") if place % 2 else None for place in range(80)]
    rows = frame(sex=sex)
    first = find_associations(rows)[0]
    assert (first.fact, first.images, first.patients) == ("sex", 40, 40)
    assert math.isnan(first.v)
    assert first.missing_v == first.strength == pytest.approx(1)
    assert find_sole_classes(rows)[0] == Sole("sex", None, "normal", 40, 40)


def test_source_of_one_class() -> None:
    """A source that brings one class, and a class that comes from one source, are told with their images."""
    rows = frame()
    rows["source"] = rows["label"].map({"covid": "a", "normal": "b"}).where(rows.index > 9, "b")
    assert find_sole_classes(rows) == (Sole("source", "a", "covid", 35, 35),)
    assert find_sole_sources(rows) == (Sole("source", "b", "normal", 40, 40),)


def test_one_class_has_nothing_to_go_with() -> None:
    """Where all have one class nothing stands out as having it."""
    rows = frame(label="covid")
    assert find_sole_classes(rows) == ()
    assert all(one.strength == 0 for one in find_associations(rows))


def test_few_images_of_a_value_are_passed_over() -> None:
    """A value of fewer than 20 images may have one class by chance."""
    view = np.where(np.arange(80) < 38, np.where(np.arange(80) % 2, "lateral", "PA"), "AP")
    assert find_sole_classes(frame(view=view)) == ()


def test_few_patients_of_a_value_are_not_named() -> None:
    """What a sender wrote of one patient's many images may be a name."""
    places = np.arange(80)
    maker = np.where((places < 60) & (places % 2 == 1), "Room of Jane Doe", "Acme")
    alone = frame(
        manufacturer=maker, patient_id=[f"p{place}" if name == "Acme" else "p" for place, name in enumerate(maker)]
    )
    assert find_sole_classes(alone) == ()
    assert [sole.value for sole in find_sole_classes(frame(manufacturer=maker))] == ["Room of Jane Doe"]


def test_children() -> None:
    """Who is below 18, with sources and classes; ages below 0 and missing ones are nobody's."""
    age = [5.0, 17.9, 18.0, -1.0] + [np.nan] * 76
    assert find_children(frame(age=age)) == Children(2, 2, ("b",), ("covid", "normal"))
    assert find_children(frame(age=np.nan)) is None


def test_no_image() -> None:
    """An empty set has no association, and nothing breaks."""
    rows = frame().head(0)
    assert all(one.strength == 0 and one.images == 0 for one in find_associations(rows))
    assert find_sole_classes(rows) == find_sole_sources(rows) == ()
