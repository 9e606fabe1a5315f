"""Drift and retraining policies: tables of cases."""

import pytest

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift_policy import decide_drift
from xray_model.evaluation.retrain_policy import FEWEST_TO_TRAIN, decide_retrain, minority_class
from xray_model.outcomes import ColumnDrift, DriftState, SnapshotOutcome


def columns(moved: int, still: int) -> list[ColumnDrift]:
    """Columns of which so many moved."""
    return [
        ColumnDrift(
            column=f"c{place}",
            method="wasserstein",
            score=0.9 if place < moved else 0.1,
            threshold=0.3,
            moved=place < moved,
            current="mean 2",
            reference="mean 1",
        )
        for place in range(moved + still)
    ]


@pytest.mark.parametrize(
    ("moved", "still", "images", "state"),
    [
        (0, 10, 100, DriftState.OK),
        (2, 8, 100, DriftState.OK),
        (3, 7, 100, DriftState.WATCH),
        (5, 5, 100, DriftState.RETRAIN),
        (10, 0, 100, DriftState.RETRAIN),
        (10, 0, 29, DriftState.UNKNOWN),
        (0, 0, 100, DriftState.UNKNOWN),
    ],
)
def test_drift_state(moved: int, still: int, images: int, state: DriftState) -> None:
    """The share of moved columns decides, and too little to compare is said, never passed."""
    outcome = decide_drift(columns(moved, still), images, 500, DriftPolicy())
    assert outcome.state is state
    assert outcome.reasons


def test_drift_names_the_most_moved_first() -> None:
    """The reasons begin with a count and the columns that moved most."""
    found = [column.model_copy(update={"score": 0.3 + place}) for place, column in enumerate(columns(3, 3))]
    assert decide_drift(found, 100, 500, DriftPolicy()).reasons[0] == "3 of 6 columns moved: c2, c1, c0."


def snapshot(train: dict[str, int], test: dict[str, int]) -> SnapshotOutcome:
    """A snapshot with these counts by class."""
    return SnapshotOutcome(
        snapshot_id="s", counts={"train": train, "validation": train, "test": test}, patients={"train": 1}
    )


@pytest.mark.parametrize(
    ("test", "decided", "force", "train"),
    [
        ({"covid": 5, "normal": 5}, False, False, True),
        ({"covid": 5, "normal": 5}, True, False, False),
        ({"covid": 5, "normal": 5}, True, True, True),
        ({"covid": 5, "normal": 0}, False, False, False),
        ({"covid": 5, "normal": 0}, False, True, False),
    ],
)
def test_retrain_decision(test: dict[str, int], decided: bool, force: bool, train: bool) -> None:
    """A snapshot is trained once, and only where every class stands in every split."""
    decision = decide_retrain(snapshot({"covid": 90, "normal": 30}, test), decided_before=decided, force=force)
    assert decision.train is train
    assert decision.reasons


def test_missing_class_is_named() -> None:
    """The reason names the class and split that are empty, and what to do."""
    decision = decide_retrain(
        snapshot({"covid": 90, "normal": 30}, {"covid": 5, "normal": 0}), decided_before=False, force=False
    )
    assert "no image of normal in the test split" in decision.reasons[0]
    assert "--classes" in decision.reasons[0]


@pytest.mark.parametrize(("normal", "train"), [(FEWEST_TO_TRAIN - 1, False), (FEWEST_TO_TRAIN, True)])
def test_a_class_of_too_few_images_is_not_trained_on(normal: int, train: bool) -> None:
    """Ten training images of each class are the least, and the reason says which class is short."""
    counts = {"covid": 90, "normal": normal}
    decision = decide_retrain(snapshot(counts, {"covid": 5, "normal": 5}), decided_before=False, force=True)
    assert decision.train is train
    assert (f"only {normal} of normal" in decision.reasons[0]) is not train


def test_minority_is_the_smallest_training_class() -> None:
    """The class with the fewest training images decides, unless the policy names one."""
    found = snapshot({"covid": 9, "normal": 3}, {})
    assert minority_class(found, None) == "normal"
    assert minority_class(found, "covid") == "covid"
