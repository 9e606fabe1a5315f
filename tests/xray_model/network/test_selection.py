"""Which epoch is kept: by validation minority F1, where its differences are more than luck, else by the loss."""

import math

import pytest

from xray_model.network.selection import is_better
from xray_model.outcomes import EpochScore


def score(f1: float, loss: float) -> EpochScore:
    """An epoch."""
    return EpochScore(epoch=1, loss=0.0, validation_loss=loss, validation_minority_f1=f1)


@pytest.mark.parametrize(
    ("new", "kept", "highest", "patients", "better"),
    [
        pytest.param((0.1, 9.0), None, 0.1, 20, True, id="the first epoch"),
        pytest.param((0.8, 0.9), (0.5, 0.1), 0.8, 20, True, id="clearly higher F1, whatever the loss"),
        pytest.param((0.5, 0.1), (0.8, 0.9), 0.8, 20, False, id="clearly lower F1, whatever the loss"),
        pytest.param((0.78, 0.4), (0.8, 0.5), 0.8, 20, True, id="F1 within luck, smaller loss"),
        pytest.param((0.82, 0.6), (0.8, 0.5), 0.82, 20, False, id="F1 within luck, larger loss"),
        pytest.param((0.78, 0.4), (0.8, 0.5), 0.8, 2000, False, id="the same F1 is no luck of many patients"),
        pytest.param((0.82, 0.6), (0.8, 0.5), 0.82, 2000, True, id="nor is the same gain"),
        pytest.param((0.75, 0.4), (0.8, 0.5), 0.86, 20, False, id="measured from the highest, not from the one kept"),
        pytest.param((0.0, 0.4), (0.0, 0.5), 0.0, 20, True, id="nothing found yet, smaller loss"),
        pytest.param((0.8, 0.5), (0.8, 0.5), 0.8, 20, False, id="the same again"),
        pytest.param((1.0, 0.2), (0.98, 0.1), 1.0, 20, True, id="all found"),
        pytest.param((0.9, math.nan), (0.1, 0.5), 0.9, 20, False, id="diverged"),
        pytest.param((0.85, 0.5), (0.9, math.nan), 0.9, 20, True, id="after one that diverged"),
        pytest.param((0.5, 0.4), (0.5, 0.5), 0.5, 0, True, id="no patient of the class"),
    ],
)
def test_epochs_are_compared_by_f1_and_within_its_standard_error_by_loss(
    new: tuple[float, float], kept: tuple[float, float] | None, highest: float, patients: int, better: bool
) -> None:
    """Minority F1 decides beyond a standard error of the highest, the validation loss within it."""
    assert is_better(score(*new), None if kept is None else score(*kept), highest, patients) is better
