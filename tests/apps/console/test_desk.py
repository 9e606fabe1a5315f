"""The home page, where a night has run."""

from datetime import UTC, datetime

from starlette.testclient import TestClient

from storage.decisions import record_decision
from storage.reports import keys, write_drift_report
from storage.reports.explore_index import write_explore_index
from storage.store import Store
from tests.apps.console.filling import fill
from tests.storage.reports.comparing import compared
from xray_model.data.decisions import propose
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


def test_drift_leads_to_its_pages(stella: TestClient, store: Store) -> None:
    """A night leads to its drift page, one of before to its own page, and a held batch to what moved in it."""
    batch_id = fill(store, "may", ["held", "held"])
    of_batch = write_drift_report(store.objects, compared(name=batch_id), None, None, [], [])
    fine = write_drift_report(store.objects, compared(DriftState.OK, name="hospital.june.1"), None, None, [], [])
    came = BatchOutcome(batch_id=batch_id, source="hospital", name="may", status=BatchStatus.HELD, read=2, held=2)
    for day, drift in ((1, DriftOutcome(state=DriftState.UNKNOWN, reasons=())), (2, of_batch)):
        night = NightOutcome(
            night_id=f"2026030{day}T000000Z-3f9a",
            started=datetime(2026, 3, day, 2, tzinfo=UTC),
            finished=datetime(2026, 3, day, 2, 12, tzinfo=UTC),
            batches=(came,),
            drift=drift,
            retrain=RetrainOutcome(trained=False, reasons=("Nothing new.",)),
            champion=None,
        )
        store.objects.put(keys.night_record(night.night_id), night.model_dump_json().encode())
    page = stella.get("/").text
    assert f'<a href="/{of_batch.page_key}">What moved' in page
    assert page.count(f'href="/{of_batch.page_key}"') == 2
    assert 'href="/reports/nights/20260301T000000Z-3f9a/index.html#drift"' in page
    assert f'href="/{keys.DRIFTS}"' in page
    assert f'href="/{keys.EXPLORES}"' not in page
    assert str(fine.page_key) not in page
    assert f'href="/{of_batch.page_key}">Drift: hold' in stella.get(f"/batches/{batch_id}").text
    assert "<b>H</b> hold" in page
    record_decision(store.objects, propose(batch_id=batch_id, action="release", who="stella", why="a new lamp"))
    assert "What moved" not in stella.get("/").text
    assert "<b>H</b> apart, does not wait" in stella.get("/").text
    assert f'href="/{of_batch.page_key}">Drift: apart, does not wait' in stella.get(f"/batches/{batch_id}").text


def test_a_settled_hold_is_told_as_one_of_before(stella: TestClient, store: Store) -> None:
    """Why a batch was held does not stand beside the images that are still refused once its hold was decided on."""
    batch_id = fill(store, "may", ["held", "held", "quarantined"])
    why = "A known source sends other pictures than before."
    record_decision(store.objects, propose(batch_id=batch_id, action="hold", who="monitor", why=why))
    assert why in stella.get("/").text
    record_decision(store.objects, propose(batch_id=batch_id, action="release", who="stella", why="a new lamp"))
    assert "1 image refused" in stella.get("/").text
    assert why not in stella.get("/").text
    assert "Was held: " in stella.get("/batches").text


def test_explored_snapshots_are_linked(stella: TestClient, store: Store) -> None:
    """Once their index is written, the desk leads to it, and the console shows it."""
    write_explore_index(store.objects)
    assert f'href="/{keys.EXPLORES}"' in stella.get("/").text
    assert "No snapshot has been explored yet" in stella.get(f"/{keys.EXPLORES}").text
