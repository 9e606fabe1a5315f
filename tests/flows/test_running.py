"""Starting flows: what a server is told of those that run within another process or flow."""

import pytest
from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, get_current_settings, temporary_settings

from flows import nightly as night_flow
from flows.running import run_flow, without_heartbeat
from xray_model.config import IngestOptions
from xray_model.outcomes import BatchOutcome, RetrainOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")


def heartbeat() -> int | None:
    """Seconds between two heartbeats of a flow that is started now."""
    frequency: int | None = get_current_settings().flows.heartbeat_frequency
    return frequency


@flow(name="tell-heartbeat")
def tell_heartbeat(options: object = None) -> int | None:
    """What `heartbeat` says within a flow; as all flows it takes options, and needs none."""
    assert options is None
    return heartbeat()


def test_subflow_sends_no_heartbeat_and_its_parent_does() -> None:
    """What is started within `without_heartbeat` sends none; before and after it flows do as the settings say."""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        with without_heartbeat():
            assert tell_heartbeat() is None
        assert heartbeat() == 30


def test_flow_of_this_process_sends_no_heartbeat() -> None:
    """Whoever runs a flow by `run_flow` is its process, and needs not be told when that vanishes."""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        assert run_flow(tell_heartbeat, None) is None


@pytest.mark.usefixtures("home")
def test_stages_of_a_night_wait_for_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A night on a worker, which sends heartbeats, starts its stages without."""
    found: dict[str, int | None] = {}

    def ingest(_: IngestOptions) -> tuple[BatchOutcome, ...]:
        found["ingest"] = heartbeat()
        return ()

    def route_retrain(*_: object) -> RetrainOutcome:
        found["retrain"] = heartbeat()
        return RetrainOutcome(trained=False, reasons=("Nothing is new.",))

    monkeypatch.setattr(night_flow, "ingest", ingest)
    monkeypatch.setattr(night_flow, "route_retrain", route_retrain)
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        night_flow.nightly()
    assert found == {"ingest": None, "retrain": None}
