"""Decisions: telling Prefect of a release, so that what waits for it starts."""

from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.events.worker import EventsWorker

from storage.decisions import Recorded

RELEASED = "xray.batch.released"
"""The event; its resource is `xray.batch.<batch_id>`. `prefect.yaml` has a trigger on it."""


def announce_release(recorded: Recorded) -> bool:
    """Send the event that images are accepted which were not; False where the server does not answer.

    The decision counts either way: the event only makes the training start before the next night.
    """
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            return False
    batch_id = recorded.decision.batch_id
    event = emit_event(
        RELEASED,
        {"prefect.resource.id": f"xray.batch.{batch_id}", "prefect.resource.name": batch_id},
        payload={"decision": recorded.decision.id, "images": recorded.accepted},
    )
    EventsWorker.instance().drain()  # a command ends at once, and the event would end with it
    return event is not None
