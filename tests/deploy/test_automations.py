"""The automations expect events that something emits, and tell only what those carry."""

import re
from typing import Any

import yaml
from pydantic import BaseModel

from tasks import events
from tasks.events import FoundDrift, HeldBatch, JudgedModel
from tests.deploy.reading import DEPLOY

PAYLOADS: dict[str, type[BaseModel]] = {
    events.HELD: HeldBatch,
    events.PROMOTED: JudgedModel,
    events.WAITS: JudgedModel,
    events.DRIFTED: FoundDrift,
}


def read_automations() -> list[dict[str, Any]]:
    """The automations of the file."""
    found: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "automations" / "notify.yaml").read_text())["automations"]
    return found


def test_every_event_has_an_automation() -> None:
    """Each of our events is expected once, and what else is expected are the two ends of a failed run."""
    expected = [event for automation in read_automations() for event in automation["trigger"]["expect"]]
    assert sorted(expected) == sorted([*PAYLOADS, "prefect.flow-run.Failed", "prefect.flow-run.Crashed"])


def test_messages_name_what_the_event_carries() -> None:
    """Each figure in a subject or body is a field of the event's payload."""
    for automation in read_automations():
        (action,) = automation["actions"]
        named = set(re.findall(r"event\.payload\.(\w+)", action["subject"] + action["body"]))
        fields = {
            name
            for event in automation["trigger"]["expect"]
            if event in PAYLOADS
            for name in PAYLOADS[event].model_fields
        }
        assert named <= fields
        assert bool(named) == bool(fields)
