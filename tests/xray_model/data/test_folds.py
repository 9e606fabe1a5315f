"""Folds: laws that hold for any patients, whatever the order in which their images come."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.folds import draw_folds, draw_images, join_twins, keep_proportions
from xray_model.errors import ConfigurationError

CLASSES = ("covid", "normal", "pneumonia")
MEASURED = settings(deadline=None, max_examples=25)
Images = tuple[np.ndarray, np.ndarray]


@st.composite
def images(draw: Callable[..., list[int]]) -> Images:
    """Patients and labels of images: 20 patients or more of each class, with one to four images, in any order."""
    counts = draw(st.lists(st.integers(1, 4), min_size=60, max_size=75))
    patients = np.repeat([f"patient {place}" for place in range(len(counts))], counts)
    labels = np.repeat([CLASSES[place % 3] for place in range(len(counts))], counts)
    order = np.random.default_rng(len(patients)).permutation(len(patients))
    return patients[order], labels[order]


@MEASURED
@given(images(), st.integers(2, 5), st.integers(0, 99))
def test_no_patient_is_in_two_parts_and_each_is_tested_once(drawn: Images, folds: int, seed: int) -> None:
    """Train, validation and test of a fold share no patient and leave out no image; the tests together are all."""
    patients, labels = drawn
    found = draw_folds(patients, labels, folds, seed)
    assert len(found) == folds
    for fold in found:
        parts = (fold.train, fold.validation, fold.test)
        assert sum(len(set(patients[part])) for part in parts) == len(set(patients))
        assert sorted(np.concatenate(parts)) == [*range(len(patients))]
        assert all(set(labels[part]) == set(CLASSES) for part in parts)
    assert sorted(np.concatenate([fold.test for fold in found])) == [*range(len(patients))]


@MEASURED
@given(images(), st.integers(0, 99), st.randoms(use_true_random=False))
def test_folds_do_not_depend_on_the_order_of_rows(drawn: Images, seed: int, random: object) -> None:
    """The same images in another order are in the same parts."""
    patients, labels = drawn
    order = np.random.default_rng(random.randrange(1000)).permutation(len(patients))  # type: ignore[attr-defined]
    here, there = draw_folds(patients, labels, 3, seed), draw_folds(patients[order], labels[order], 3, seed)
    for one, other in zip(here, there, strict=True):
        assert set(patients[one.test]) == set(patients[order][other.test])
        assert set(patients[one.validation]) == set(patients[order][other.validation])


def test_another_seed_makes_other_folds() -> None:
    """Folds are drawn, not fixed."""
    patients = np.array([f"{place:02}" for place in range(60)])
    labels = np.array(CLASSES * 20)
    assert len({tuple(draw_folds(patients, labels, 3, seed)[0].test) for seed in range(3)}) > 1


def test_too_few_patients_are_refused_in_words() -> None:
    """A finding with fewer patients than parts has none for one of them."""
    labels = np.array(["covid"] * 30 + ["normal"] * 3)
    patients = np.array([f"{place:02}" for place in range(33)])
    with pytest.raises(ConfigurationError, match="3 patients with the finding normal"):
        draw_folds(patients, labels, 5, 0)


def test_patients_with_nearly_the_same_picture_count_as_one() -> None:
    """A chain of like pictures makes one of all their patients; others stay themselves."""
    picture, far = bytes(32), bytes([255] * 32)
    near, nearer = bytes([255] * 4) + bytes(28), bytes([255] * 8) + bytes(24)
    rows = pd.DataFrame(
        {
            "patient_id": ["a", "b", "c", "d", "d", "e"],
            "phash": [picture.hex(), near.hex(), nearer.hex(), far.hex(), None, None],
        }
    )
    assert join_twins(rows).tolist() == ["a", "a", "a", "d", "d", "e"]


@MEASURED
@given(images(), st.integers(20, 80), st.integers(0, 99))
def test_images_are_drawn_by_whole_patients(drawn: Images, most: int, seed: int) -> None:
    """There are no more than asked for, no patient is torn, and the order of the rows says nothing."""
    patients, _ = drawn
    places = draw_images(patients, most, seed)
    assert min(most, len(patients)) - 4 < len(places) <= most
    assert not set(patients[places]) & set(np.delete(patients, places))
    turned = draw_images(patients[::-1], most, seed)
    assert set(patients[places]) == set(patients[::-1][turned])


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_with_more_images_than_there_is_room_for_is_passed_over(seed: int) -> None:
    """Whoever is drawn first, the others' images are there."""
    patients = np.array(["many"] * 100 + [f"one {number}" for number in range(30)])
    places = draw_images(patients, 20, seed)
    assert len(places) == 20
    assert "many" not in patients[places]


@MEASURED
@given(images(), st.integers(1, 8), st.integers(0, 99))
def test_proportions_are_kept(drawn: Images, part: int, seed: int) -> None:
    """So many of one class for each of another, all of a class that is not named, whatever the order."""
    _, labels = drawn
    image_ids = np.array([f"{place:03}" for place in range(len(labels))])
    places = keep_proportions(labels, image_ids, {"covid": part, "normal": 1}, seed)
    counts = {name: int((labels[places] == name).sum()) for name in CLASSES}
    assert counts["pneumonia"] == (labels == "pneumonia").sum()
    assert abs(counts["covid"] - part * counts["normal"]) <= part / 2 + 0.5
    assert counts["covid"] == (labels == "covid").sum() or counts["normal"] == (labels == "normal").sum()
    turned = keep_proportions(labels[::-1], image_ids[::-1], {"covid": part, "normal": 1}, seed)
    assert set(image_ids[places]) == set(image_ids[::-1][turned])
