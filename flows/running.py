"""Starting a flow in this process, with Prefect's embedded server where no other is configured."""

from contextlib import AbstractContextManager
from typing import Any, cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings


def run_flow(flow: Flow[..., Any], options: Any) -> Any:
    """Run a flow to its end and give what it came to, also where it ended as failed with a result.

    Raises:
        Exception: what the flow raised.
    """
    with without_heartbeat():  # the process is the caller's own: nobody has to be told when it vanishes
        state = cast("State[Any]", flow(options, return_state=True))
        result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def without_heartbeat() -> AbstractContextManager[object]:
    """Flows that are started within send no heartbeat, whose thread each of them would wait a second for.

    A heartbeat tells a server of runs whose process vanished. A subflow is in its parent's process, and that sends one.
    """
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
