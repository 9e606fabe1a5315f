"""What still waits for a person after what was decided."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from storage.settling import settle_batch, settle_drift, settle_night
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, DriftState, NightOutcome, RetrainOutcome

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


@pytest.mark.parametrize(
    ("counts", "held"),
    [
        ({}, True),
        ({OTHER: {"accepted": 9}}, True),
        ({HELD: {"held": 1, "accepted": 8}}, True),
        ({HELD: {"accepted": 9}}, False),
        ({HELD: {"rejected": 9}}, False),
    ],
)
def test_what_drift_held_is_over_once_all_is_decided(counts: Mapping[str, Mapping[str, int]], held: bool) -> None:
    """Of the batch and of its night alike; the state stays, for the images are what they were."""
    batch = BatchOutcome(batch_id=HELD, source="clinic", name="may", status=BatchStatus.HELD, held=9)
    of_batch, of_night, window = (
        DriftOutcome(state=DriftState.HOLD, reasons=("Darker.",), subject=subject, name=name, held=True)
        for subject, name in (("batch", HELD), ("night", "n"), ("window", HELD))
    )
    when = datetime(2026, 5, 1, tzinfo=UTC)
    night = NightOutcome(
        night_id="n",
        started=when,
        finished=when,
        batches=(batch,),
        drift=of_night,
        batch_drift=(of_batch,),
        retrain=RetrainOutcome(trained=False, reasons=()),
        champion=None,
    )
    after = settle_night(night, counts)
    assert after.drift == of_night.model_copy(update={"held": held})
    assert after.batch_drift == (settle_drift(of_batch, counts),) == (of_batch.model_copy(update={"held": held}),)
    assert settle_drift(window, counts) == window
