"""When a snapshot is trained on: tables of cases."""

import pytest

from xray_model.evaluation.retrain_policy import FEWEST_TO_TRAIN, decide_retrain, minority_class
from xray_model.outcomes import SnapshotOutcome


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
    assert "there is no image of normal in test. Push" in decision.reasons[0]
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
