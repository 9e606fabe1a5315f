"""What a comparison keeps: folds under their content, so that nobody trains on what they were once."""

import pandas as pd

from storage.comparisons import load_fold, part_column, save_folds
from storage.store import Store

ROWS = pd.DataFrame(
    {
        "image_id": ["a", "b", "c"],
        "patient_id": ["p", "q", "r"],
        "label": ["covid", "normal", "covid"],
        "batch_id": "first",
        "shard": 0,
        "row": [0, 1, 2],
        part_column(0): ["train", "validation", "test"],
    }
)


def test_folds_are_known_by_their_content_in_any_order(store: Store) -> None:
    """The same rows in another order are the same folds, and each split has its own."""
    folds_id = save_folds(store.objects, ROWS)
    assert save_folds(store.objects, ROWS.iloc[::-1]) == folds_id
    fold = load_fold(store.objects, folds_id, 0)
    assert {split: rows["image_id"].tolist() for split, rows in fold.items()} == {
        "train": ["a"],
        "validation": ["b"],
        "test": ["c"],
    }


def test_images_that_were_read_anew_make_other_folds(store: Store) -> None:
    """They have their ids, patients and labels still, and their pixels lie elsewhere: there they are trained from."""
    before = save_folds(store.objects, ROWS)
    after = save_folds(store.objects, ROWS.assign(batch_id="first-read-again"))
    assert after != before
    assert load_fold(store.objects, after, 0)["train"]["batch_id"].tolist() == ["first-read-again"]
