"""What Prefect is told: ids and figures, so that an automation can tell people."""

from typing import Any

import pytest

from tasks import events
from tasks.events import announce_drift, announce_hold, announce_model
from tests.storage.entries import gate
from tests.storage.measured import make_night
from xray_model.outcomes import DriftState


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """Event, resource and payload of all that is emitted."""
    found: list[tuple[str, str, dict[str, Any]]] = []

    def keep(event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
        found.append((event, resource["prefect.resource.id"], payload))

    monkeypatch.setattr(events, "emit_event", keep)
    return found


def test_a_held_batch_is_told_by_its_id(sent: list[tuple[str, str, dict[str, Any]]]) -> None:
    """The event has the batch and how many images wait, and no reason, which may quote what a sender wrote."""
    (batch,) = make_night().batches
    announce_hold.fn(batch.model_copy(update={"reasons": ("Jane Doe",)}))
    assert sent == [("xray.batch.held", "xray.batch.hospital.b.1", {"batch": "hospital.b.1", "images": 7})]


def test_a_model_is_told_as_it_stands(sent: list[tuple[str, str, dict[str, Any]]]) -> None:
    """One that is in service and one that waits are told by different events, one that did not pass by none."""
    for entry in (gate(0, 1), gate(1, 2, 1, approval=True), gate(2, 3, 1, promote=False)):
        announce_model.fn(entry.outcome)
    assert sent == [
        ("xray.model.promoted", "xray.model.1", {"version": 1, "champion_before": None, "minority_f1": 0.8}),
        ("xray.model.waits", "xray.model.2", {"version": 2, "champion_before": 1, "minority_f1": 0.8}),
    ]


def test_drift_is_told_without_images(sent: list[tuple[str, str, dict[str, Any]]]) -> None:
    """The event says what was compared, what it came to and where the page is, and names no image."""
    drift = make_night().drift.model_copy(
        update={"state": DriftState.HOLD, "name": "n1", "drifted": ("image-1",), "page_key": "reports/drift/x.html"}
    )
    announce_drift.fn(drift)
    payload = {"subject": "night", "name": "n1", "state": "hold", "moved": 0.5, "champion": None}
    assert sent == [("xray.drift.found", "xray.drift.night", payload | {"page": "reports/drift/x.html"})]
