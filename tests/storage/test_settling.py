"""What still waits for a person after what was decided."""

from collections.abc import Mapping

import pytest

from storage.settling import settle_batch
from xray_model.outcomes import BatchOutcome, BatchStatus

HELD = "clinic.may.111111111111"
LATE, OTHER = "clinic.may.222222222222", "clinic.june.111111111111"


@pytest.mark.parametrize(
    ("status", "counts", "settled"),
    [
        (BatchStatus.HELD, {}, False),
        (BatchStatus.HELD, {OTHER: {"accepted": 9}}, False),
        (BatchStatus.HELD, {HELD: {"held": 1, "accepted": 1}}, False),
        (BatchStatus.HELD, {HELD: {"accepted": 1, "rejected": 1}}, True),
        (BatchStatus.HELD, {HELD: {"rejected": 2}, OTHER: {"held": 1}}, True),
        (BatchStatus.HELD, {HELD: {}, LATE: {"held": 2}}, False),
        (BatchStatus.HELD, {HELD: {}, LATE: {"accepted": 2}}, True),
        (BatchStatus.REFUSED, {HELD: {}}, False),
        (BatchStatus.FAILED, {HELD: {}}, False),
        (BatchStatus.ACCEPTED, {HELD: {"accepted": 1}}, False),
    ],
)
def test_held_batch_is_settled_once_all_is_decided(
    status: BatchStatus, counts: Mapping[str, Mapping[str, int]], settled: bool
) -> None:
    """It is told of in the figures that count now; every other batch is told of as it was found."""
    batch = BatchOutcome(batch_id=HELD, source="clinic", name="may", status=status, held=2, reasons=("odd",))
    after = settle_batch(batch, counts)
    if not settled:
        assert after == batch
        return
    assert not after.needs_person
    assert (after.accepted, after.held, after.reasons) == (counts[HELD].get("accepted", 0), 0, ())
