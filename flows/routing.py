"""Where a night trains: within itself, or on the work pool that `XRAY_GPU_POOL` names."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from flows.attempts import Attempt, Begin, Bury, Collect, Fate, Follow, GiveUp, Patience, next_step
from flows.retrain import plan_retrain, retrain
from storage.ledger import options_digest
from storage.settings import Settings
from tasks.reporting import take_over_retraining
from xray_model.config import RetrainOptions
from xray_model.errors import ConfigurationError
from xray_model.outcomes import RetrainOutcome

DEPLOYMENT = "retrain/retrain"

_POLL_SECONDS = 1.0
_SLOW_ANSWER = timedelta(seconds=15)
"""An answer that took so long was waited for while the server was away."""
FOR_LIFE = timedelta(seconds=120)
"""Four heartbeats, which prefect.yaml asks for every 30 s; Prefect's own default is one in 180 s."""
_HEARTBEAT = "prefect.flow-run.heartbeat"
_FATES = {
    StateType.SCHEDULED: Fate.WAITING,
    StateType.PENDING: Fate.WAITING,
    StateType.COMPLETED: Fate.COMPLETED,
    StateType.FAILED: Fate.FAILED,
    StateType.CANCELLED: Fate.CANCELLED,
    StateType.CRASHED: Fate.CRASHED,
}
"""All others run, or are about to end."""


def route_retrain(options: RetrainOptions, began: datetime) -> RetrainOutcome:
    """Retrain where this night should; `began` is when it began.

    Raises:
        ConfigurationError: the pool is named, and the deployment is not there or on another pool.
        Exception: what a training within the night raised.
    """
    settings = Settings()
    if settings.gpu_pool is None:
        return retrain(options)
    snapshot, verdict = plan_retrain(options)
    if not verdict.train:
        return RetrainOutcome(trained=False, reasons=verdict.reasons, snapshot=snapshot)
    with get_client(sync_client=True) as client:
        _check_deployment(client, settings.gpu_pool)
        name = f"{snapshot.snapshot_id}-{options_digest(options)}"
        patience = Patience(timedelta(minutes=settings.gpu_wait_minutes), FOR_LIFE)
        return _Watch(client, settings.gpu_pool, name, options, patience).until_done(began)


class _Watch:
    """A training on another machine, of one snapshot with one set of options, from the night that waits for it."""

    def __init__(
        self, client: SyncPrefectClient, pool: str, name: str, options: RetrainOptions, patience: Patience
    ) -> None:
        self._client, self._pool, self._name = client, pool, name
        self._options, self._patience = options, patience
        self._told = ""

    def until_done(self, began: datetime) -> RetrainOutcome:
        """Begin, follow, and begin again, until there is an outcome."""
        answered = began
        while True:
            asked = datetime.now(UTC)
            runs = self._find_runs()
            attempts = [self._describe(number, run) for number, run in enumerate(runs, start=1)]
            now = datetime.now(UTC)
            answered = now if now - asked > _SLOW_ANSWER else answered
            match next_step(attempts, began, now, answered, self._patience):
                case Begin(number):
                    self._begin(number)
                case Bury(attempt, reason):
                    self._set_state(attempt, Crashed(message=reason))
                    self._tell(f"attempt {attempt.number} crashed. {reason}")
                case Collect(attempt):
                    self._tell(f"attempt {attempt.number} {attempt.fate}")
                    return take_over_retraining(attempt.run_id)
                case GiveUp(attempt, reason):
                    return self._give_up(attempt, reason)
                case Follow(attempt):
                    self._tell(f"attempt {attempt.number}: {self._say(runs[attempt.number - 1], attempt)}")
                    time.sleep(_POLL_SECONDS)

    def _begin(self, number: int) -> None:
        # Two nights at once, or one that is started again, come to the same key: Prefect then gives the run there is.
        run_deployment(
            DEPLOYMENT,
            parameters={"options": self._options.model_dump(mode="json")},
            tags=[self._name],
            idempotency_key=f"{self._name}-{number}",
            timeout=0,
        )
        self._tell(f"attempt {number} is sent")

    def _give_up(self, attempt: Attempt, reason: str) -> RetrainOutcome:
        if attempt.fate is Fate.WAITING:
            self._set_state(attempt, Cancelled(message=reason))
        self._tell(f"given up after attempt {attempt.number}. {reason}")
        told = f"The training failed on work pool {self._pool}, attempt {attempt.number}: {reason}"
        return RetrainOutcome(trained=False, failed=True, reasons=(told,))

    def _find_runs(self) -> Sequence[FlowRun]:
        tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[self._name]))
        runs: list[FlowRun] = self._client.read_flow_runs(
            flow_run_filter=tagged, sort=FlowRunSort.EXPECTED_START_TIME_ASC
        )
        return sorted(runs, key=lambda run: (run.created or datetime.now(UTC), str(run.id)))

    def _describe(self, number: int, run: FlowRun) -> Attempt:
        state = _state_of(run)
        fate = _FATES.get(state.type, Fate.RUNNING)
        since = state.state_details.scheduled_time or state.timestamp
        heard = self._last_heartbeat(run) if fate is Fate.RUNNING else None
        return Attempt(number, str(run.id), fate, since, heard)

    def _last_heartbeat(self, run: FlowRun) -> datetime | None:
        wanted = EventFilter(
            event=EventNameFilter(name=[_HEARTBEAT]), resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"])
        )
        events = self._client.read_events(wanted, limit=1).events  # the newest comes first
        return events[0].occurred if events else None

    def _say(self, run: FlowRun, attempt: Attempt) -> str:
        state = _state_of(run)
        if attempt.fate is not Fate.WAITING:
            return f"{state.name} (flow run {run.name})"
        if any(worker.status == "ONLINE" for worker in self._client.read_workers_for_work_pool(self._pool)):
            return f"{state.name}, work pool {self._pool} has a worker"
        minutes = self._patience.for_worker.total_seconds() / 60
        return f"{state.name}, and no worker of work pool {self._pool} is online: waiting for {minutes:g} minutes"

    def _set_state(self, attempt: Attempt, state: State[Any]) -> None:
        self._client.set_flow_run_state(attempt.run_id, state, force=True)

    def _tell(self, news: str) -> None:
        if news != self._told:
            get_run_logger().info("training on work pool %s: %s", self._pool, news)
            self._told = news


def _state_of(run: FlowRun) -> State[Any]:
    if run.state is None:
        raise ConfigurationError(f"flow run {run.name} has no state: is this server of the same Prefect version?")
    return run.state


def _check_deployment(client: SyncPrefectClient, pool: str) -> None:
    try:
        found = client.read_deployment_by_name(DEPLOYMENT).work_pool_name
    except ObjectNotFound as error:
        raise ConfigurationError(
            f"XRAY_GPU_POOL names the work pool {pool}, and the Prefect server has no deployment {DEPLOYMENT}: run "
            "`prefect --no-prompt deploy --all`, or leave XRAY_GPU_POOL empty to train within the night."
        ) from error
    if found != pool:
        raise ConfigurationError(
            f"XRAY_GPU_POOL names the work pool {pool}, and the deployment {DEPLOYMENT} is on {found}: name that one."
        )
