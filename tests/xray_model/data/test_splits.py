"""Splits: decided by the patient alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data.splits import SplitShares, assign_split
from xray_model.errors import ConfigurationError


@given(patient=st.text(min_size=1), others=st.lists(st.text(min_size=1)))
def test_split_is_stable(patient: str, others: list[str]) -> None:
    """A patient's split never depends on who else is there."""
    shares = SplitShares()
    alone = assign_split(patient, shares)
    for other in others:
        assign_split(other, shares)
    assert assign_split(patient, shares) == alone


def test_shares_are_kept() -> None:
    """Over many patients the shares are the ones asked for, within a percent."""
    splits = [assign_split(f"patient {number}", SplitShares(0.15, 0.25)) for number in range(20_000)]
    assert splits.count("test") / 20_000 == pytest.approx(0.25, abs=0.01)
    assert splits.count("validation") / 20_000 == pytest.approx(0.15, abs=0.01)


@given(patient=st.text(min_size=1))
def test_larger_test_share_keeps_test_patients(patient: str) -> None:
    """A patient of a small test split is in every larger one too."""
    if assign_split(patient, SplitShares(0.1, 0.2)) == "test":
        assert assign_split(patient, SplitShares(0.1, 0.4)) == "test"


@pytest.mark.parametrize(("validation", "test"), [(0, 0.2), (0.2, 0), (0.5, 0.5), (-0.1, 0.3)])
def test_impossible_shares_are_refused(validation: float, test: float) -> None:
    """Shares that leave a split empty are refused."""
    with pytest.raises(ConfigurationError, match="leave something to train on"):
        SplitShares(validation, test)
