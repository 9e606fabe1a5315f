"""Starting a flow in this process, with Prefect's embedded server where no other is configured."""

from typing import Any, cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings


def run_flow(flow: Flow[..., Any], options: Any) -> Any:
    """Run a flow to its end and give what it came to, also where it ended as failed with a result.

    Raises:
        Exception: what the flow raised.
    """
    # The heartbeat tells a server about runs whose process vanished; here the process is the caller's own, and
    # joining its thread would cost each flow and subflow a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        state = cast("State[Any]", flow(options, return_state=True))
        result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result
