"""Prediction tables: what was decided is kept beside what it was decided from."""

import numpy as np
import pandas as pd
import pytest

from storage.predictions import load_predictions, predictions_key, save_predictions
from storage.store import Store
from xray_model.evaluation.confusion import patient_confusions

CLASSES = ("covid", "normal")
ROWS = pd.DataFrame(
    {
        "image_id": ["a", "b", "c"],
        "patient_id": ["p", "p", "q"],
        "label": ["covid", "normal", "normal"],
        "source": "s",
        "view": ["PA", "AP", None],
        "sex": ["F", "F", None],
        "age": [30.0, 30.0, float("nan")],
        "manufacturer": None,
    }
)
PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]], np.float32)


@pytest.mark.parametrize(
    ("weights", "predicted"),
    [((1.0, 1.0), ["covid", "covid", "normal"]), ((1.0, 3.0), ["covid", "normal", "normal"])],
)
def test_decisions_are_kept(store: Store, weights: tuple[float, float], predicted: list[str]) -> None:
    """The table holds the classes that the model's own weights decide on, and the figures follow them."""
    saved = save_predictions(store.objects, "key.parquet", ROWS, CLASSES, PROBABILITIES, weights)
    loaded = load_predictions(store.objects, "key.parquet")
    pd.testing.assert_frame_equal(loaded, saved, check_dtype=False)
    assert loaded["predicted"].tolist() == predicted
    right = np.trace(patient_confusions(loaded, CLASSES).sum(axis=0))
    assert right == sum(ROWS["label"] == predicted)


def test_what_was_probed_stands_beside(store: Store) -> None:
    """Columns of the probes are kept, with nothing where they say nothing, and so are the groups an image is of."""
    probed = {"predicted_hidden": np.array(["covid", None, "normal"], object)}
    save_predictions(store.objects, "key.parquet", ROWS, CLASSES, PROBABILITIES, (1.0, 1.0), probed)
    loaded = load_predictions(store.objects, "key.parquet")
    assert loaded["predicted_hidden"].isna().tolist() == [False, True, False]
    assert loaded["view"].tolist()[:2] == ["PA", "AP"]
    assert loaded["age"].notna().tolist() == [True, True, False]


def test_broken_predictions_decide_on_no_class(store: Store) -> None:
    """Where a probability is not a number nothing is predicted, so that what is broken can be seen in the table."""
    save_predictions(store.objects, "k.parquet", ROWS, CLASSES, PROBABILITIES * [[1], [np.nan], [1]], (1.0, 1.0))
    assert load_predictions(store.objects, "k.parquet")["predicted"].isna().tolist() == [False, True, False]


def test_no_table_takes_the_place_of_another() -> None:
    """A champion that is scored again keeps the table it was promoted on, also on the same snapshot."""
    own = predictions_key("run", "s", "test")
    assert len({own, predictions_key("run", "s", "test", "a"), predictions_key("run", "s", "test", "b")}) == 3
