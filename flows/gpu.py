"""One GPU, one training: the slots that trainings on workers take, kept by the Prefect server."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

SLOTS = "gpu"
"""The global concurrency limit. The first training makes it with one slot; for two GPUs:
`prefect global-concurrency-limit update gpu --limit 2`."""

_LEASE_SECONDS = 120.0
"""After which the slot of a worker that was killed is free again."""


@contextmanager
def gpu_slot() -> Iterator[None]:
    """Wait for a slot and hold it, in a run of a deployment; a run in somebody's own process takes none.

    A slot whose lease cannot be renewed does not end the training: what it learned is worth more than the order.
    """
    run = FlowRunContext.get()
    if run is None or run.flow_run is None or run.flow_run.deployment_id is None:
        yield
        return
    _make_slots()
    with concurrency(SLOTS, lease_duration=_LEASE_SECONDS, strict=True, raise_on_lease_renewal_failure=False):
        yield


def _make_slots() -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(SLOTS)
        except ObjectNotFound:
            try:
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=SLOTS, limit=1))
            except ObjectAlreadyExists:
                return  # made by another training at the same time
