"""The home page, where a night has run."""

from datetime import UTC, datetime

from starlette.testclient import TestClient

from storage.reports import keys
from storage.store import Store
from xray_model.outcomes import BatchOutcome, BatchStatus, DriftOutcome, DriftState, NightOutcome, RetrainOutcome


def test_last_night_does_not_say_what_waited_then(stella: TestClient, store: Store) -> None:
    """Of the last night the desk tells what came and which model serves; what waits it says itself, as of now."""
    held = BatchOutcome(batch_id="a.b.1", source="a", name="b", status=BatchStatus.HELD, read=5, held=5)
    night = NightOutcome(
        night_id="20260301T000000Z-3f9a",
        started=datetime(2026, 3, 1, 2, tzinfo=UTC),
        finished=datetime(2026, 3, 1, 2, 12, tzinfo=UTC),
        batches=(held,),
        drift=DriftOutcome(state=DriftState.UNKNOWN, reasons=()),
        retrain=RetrainOutcome(trained=False, reasons=("Nothing new.",)),
        champion=None,
    )
    store.objects.put(keys.night_record(night.night_id), night.model_dump_json().encode())
    page = stella.get("/").text
    assert "Last night finished 1 Mar 2026, 02:12 UTC after 12 minutes. No model is in service yet" in page
    assert "<b>5</b> <span>held</span>" in page
    assert "is held" not in page
