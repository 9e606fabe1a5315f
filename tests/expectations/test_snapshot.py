"""Suite `snapshot`: what no training set may hold, planted."""

import numpy as np
import pandas as pd
import pytest

from expectations.snapshot import check_snapshot, counts_suite, snapshot_suite
from xray_model.evaluation.retrain_policy import FEWEST_TO_TRAIN

CLASSES = ("covid", "normal")


def rows(train: int = 2 * FEWEST_TO_TRAIN, held_out: int = 8) -> pd.DataFrame:
    """Sound rows: so many of each split, the classes in turn, a patient and a picture each."""
    splits = ["train"] * train + ["validation"] * held_out + ["test"] * held_out
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "image_id": [f"{place:064x}" for place in range(len(splits))],
            "patient_id": [f"{place:032x}" for place in range(len(splits))],
            "phash": [rng.bytes(32).hex() for _ in splits],
            "label": ["covid" if place % 2 else "normal" for place in range(len(splits))],
            "split": splits,
        }
    )


def fired(frame: pd.DataFrame, classes: tuple[str, ...] = CLASSES) -> dict[str, int]:
    """The rules that failed, with how many rows failed each; all must have been evaluated."""
    results = check_snapshot(frame, classes)
    assert all(result.evaluated for result in results)
    return {result.code: result.failures for result in results if not result.passed}


def test_sound_snapshot_passes() -> None:
    """Rows without a leak, with every class everywhere, fire nothing."""
    assert fired(rows()) == {}


def test_patient_in_two_splits_fires() -> None:
    """Both images of a patient who stands in two splits are counted; two in one split are right."""
    frame = rows()
    frame.loc[[0, 1], "patient_id"] = "a" * 32
    assert fired(frame) == {}
    frame.loc[[0, 25], "patient_id"] = "b" * 32
    assert fired(frame) == {"patient-in-two-splits": 2}


def test_image_that_is_there_twice_fires() -> None:
    """Equal bytes stand there once, also within one split."""
    frame = rows()
    frame.loc[1, "image_id"] = frame["image_id"][0]
    assert fired(frame) == {"image-twice": 2}


@pytest.mark.parametrize(("first", "second"), [(0, 21), (0, 29), (20, 29)])
def test_near_pictures_in_two_splits_fire(first: int, second: int) -> None:
    """A picture that differs in few bits from one of another split is found between every two splits."""
    frame = rows()
    close = f"{int(frame['phash'][first], 16) ^ 0b1011:064x}"
    frame.loc[1 if first == 0 else first + 2, "phash"] = close
    assert fired(frame) == {}
    frame.loc[second, "phash"] = close
    assert fired(frame) == {"near-in-two-splits": 1}


def test_class_that_a_split_lacks_fires() -> None:
    """A class with no image in one split, or in none, is named by its rule."""
    frame = rows()
    assert fired(frame[(frame["split"] != "test") | (frame["label"] != "covid")].reset_index(drop=True)) == {
        "class-without-images": 1
    }
    assert fired(frame, (*CLASSES, "pneumonia")) == {"class-without-images": 3, "few-to-train": 1}


def test_too_few_of_a_class_to_train_fires() -> None:
    """One training image less than the bound fires, and the small classes of other splits do not."""
    assert fired(rows(train=2 * FEWEST_TO_TRAIN - 1)) == {"few-to-train": 1}


def test_every_rule_has_severity_and_sentences() -> None:
    """Each rule refuses the training, and says how it should be and what is wrong."""
    for suite in (snapshot_suite(), counts_suite()):
        for item in suite.expectations:
            assert item.meta["severity"] == "batch"
            assert item.meta["expected"].endswith(".")
            assert item.meta["refusal"]


def test_missing_column_is_not_evaluated() -> None:
    """A rule that cannot be asked is told as such, so that the training is refused."""
    results = check_snapshot(rows().drop(columns="patient_id"), CLASSES)
    assert [result.code for result in results if not result.evaluated] == ["patient-in-two-splits"]
