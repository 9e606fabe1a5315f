"""A night's training on another machine, at a real Prefect server; the test does what a worker would."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Crashed, Failed, Running

from flows import routing
from flows.retrain import retrain
from storage.retrainings import hand_over
from storage.store import Store
from xray_model.config import RetrainOptions
from xray_model.errors import ConfigurationError
from xray_model.evaluation.retrain_policy import RetrainDecision
from xray_model.outcomes import RetrainOutcome, SnapshotOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")

POOL = "gpu"
TRAINED = RetrainOutcome(trained=True, reasons=("Trained on 9 images.",))
BROKEN = RetrainOutcome(trained=False, failed=True, reasons=("The training failed: no weights.",))


@flow(name="a-night")
def night(began: datetime) -> RetrainOutcome:
    """The part of a night that is tested here."""
    return routing.route_retrain(RetrainOptions(), began)


class Worker:
    """What a worker of the pool does to the runs it is sent, by the test's word."""

    def __init__(self, client: SyncPrefectClient, store: Store, deployment: UUID) -> None:
        self._client, self._store, self._deployment = client, store, deployment

    def run(self, number: int) -> FlowRun:
        """The run of an attempt, once it is there."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            runs = self.runs()
            if len(runs) >= number:
                return runs[number - 1]
            time.sleep(0.1)
        raise AssertionError(f"there is no attempt {number}")

    def runs(self) -> list[FlowRun]:
        """All runs of the deployment, the oldest first."""
        runs = [run for run in self._client.read_flow_runs() if run.deployment_id == self._deployment]
        return sorted(runs, key=lambda run: run.created or datetime.now(UTC))

    def begin(self, number: int) -> None:
        """Take an attempt and let it run."""
        self._client.set_flow_run_state(self.run(number).id, Running(), force=True)

    def end(self, number: int, outcome: RetrainOutcome | None) -> None:
        """End an attempt with what it hands over, or with nothing where its process crashed."""
        run = self.run(number)
        if outcome is not None:
            hand_over(self._store.objects, str(run.id), outcome)
        self._client.set_flow_run_state(run.id, _last_state(outcome), force=True)


def _last_state(outcome: RetrainOutcome | None) -> State[Any]:
    if outcome is None:
        return Crashed()
    return Failed() if outcome.failed else Completed()


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A pool is named, and the catalog holds what is worth a training; each test has a snapshot of its own."""
    monkeypatch.setenv("XRAY_GPU_POOL", POOL)
    monkeypatch.setattr(routing, "_POLL_SECONDS", 0.1)
    snapshot = SnapshotOutcome(snapshot_id=request.node.name, counts={}, patients={})
    monkeypatch.setattr(routing, "plan_retrain", lambda _: (snapshot, RetrainDecision(train=True, reasons=("New.",))))


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    """Of a server without the deployment: other tests of this process use the same server and may have left one."""
    with get_client(sync_client=True) as client:
        with suppress(ObjectNotFound):
            client.delete_deployment(client.read_deployment_by_name(routing.DEPLOYMENT).id)
        yield client


@pytest.fixture
def worker(client: SyncPrefectClient, store: Store, ready: None) -> Iterator[Worker]:
    """The pool, the deployment on it, and who works there."""
    if POOL not in {pool.name for pool in client.read_work_pools()}:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    deployment = client.create_deployment(client.create_flow(retrain), "retrain", work_pool_name=POOL)
    yield Worker(client, store, deployment)
    client.delete_deployment(deployment)


def in_background(began: datetime) -> tuple[threading.Thread, list[RetrainOutcome]]:
    """A night that began then, under way in a thread."""
    outcomes: list[RetrainOutcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(night(began)), daemon=True)
    thread.start()
    return thread, outcomes


def test_without_a_pool_the_night_trains_itself(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then no server is asked for anything."""
    monkeypatch.setattr(routing, "retrain", lambda _: TRAINED)
    assert routing.route_retrain(RetrainOptions(), datetime.now(UTC)) == TRAINED


def test_what_is_not_worth_a_training_is_sent_nowhere(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The night says why, as it would without a pool; no machine with a GPU is woken for that."""
    monkeypatch.setenv("XRAY_GPU_POOL", POOL)
    outcome = night(datetime.now(UTC))
    assert not outcome.trained
    assert not outcome.failed
    assert "no image of these classes is accepted yet" in outcome.reasons[0]


@pytest.mark.usefixtures("store", "ready", "client")
def test_a_pool_without_the_deployment_is_a_wrong_setting() -> None:
    """The refusal says what to do."""
    with pytest.raises(ConfigurationError, match="deploy --all"):
        night(datetime.now(UTC))


def test_another_pool_than_the_deployment_s_is_a_wrong_setting(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to a pool where nobody expects it."""
    monkeypatch.setenv("XRAY_GPU_POOL", "elsewhere")
    with pytest.raises(ConfigurationError, match="is on gpu"):
        night(datetime.now(UTC))
    assert worker.runs() == []


@pytest.mark.parametrize("outcome", [TRAINED, BROKEN], ids=["trained", "failed"])
def test_the_outcome_comes_back_through_the_store(worker: Worker, outcome: RetrainOutcome) -> None:
    """The night gives what the other machine handed over, be it a failure; and two nights at once ask for one run."""
    began = datetime.now(UTC)
    nights = [in_background(began) for _ in range(2)]
    worker.begin(1)
    time.sleep(1)
    worker.end(1, outcome)
    for thread, outcomes in nights:
        thread.join(30)
        assert outcomes == [outcome]
    assert len(worker.runs()) == 1


def test_a_crash_is_followed_by_another_attempt(worker: Worker) -> None:
    """The night begins it at once."""
    thread, outcomes = in_background(datetime.now(UTC))
    worker.begin(1)
    worker.end(1, None)
    worker.run(2)
    worker.begin(2)
    worker.end(2, TRAINED)
    thread.join(30)
    assert outcomes == [TRAINED]


def test_silence_is_taken_for_a_crash(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that runs and sends no sign of life is marked as crashed, and the next one counts."""
    monkeypatch.setattr(routing, "FOR_LIFE", timedelta(seconds=2))
    thread, outcomes = in_background(datetime.now(UTC))
    worker.begin(1)
    worker.run(2)
    worker.end(2, TRAINED)
    thread.join(30)
    assert outcomes == [TRAINED]
    first = worker.run(1)
    assert first.state is not None
    assert first.state.type is StateType.CRASHED
    assert "Nothing was heard of it" in (first.state.message or "")


def test_an_outcome_that_is_not_there_is_a_failure(worker: Worker) -> None:
    """A run that ended and handed nothing over says where to look."""
    thread, outcomes = in_background(datetime.now(UTC))
    run = worker.run(1)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Failed(), force=True)
    thread.join(30)
    (outcome,) = outcomes
    assert outcome.failed
    assert str(run.id) in outcome.reasons[0]


def test_a_pool_where_nobody_works_fails_the_training(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the night's patience the run is taken back, and the reason is told."""
    monkeypatch.setenv("XRAY_GPU_WAIT_MINUTES", "0.03")
    outcome = night(datetime.now(UTC))
    assert outcome.failed
    assert "No worker began it within 0.03 minutes" in outcome.reasons[0]
    (run,) = worker.runs()
    assert run.state is not None
    assert run.state.type is StateType.CANCELLED


def test_a_night_that_is_started_again_finds_what_is_under_way(worker: Worker) -> None:
    """It waits for the run of a night that is gone, and what ended before it began is followed by the next attempt."""
    gone, _ = in_background(datetime.now(UTC))
    worker.begin(1)
    thread, outcomes = in_background(datetime.now(UTC))
    time.sleep(1)
    worker.end(1, None)
    worker.begin(2)
    worker.end(2, TRAINED)
    for one in (gone, thread):
        one.join(30)
    assert outcomes == [TRAINED]
    late, found = in_background(datetime.now(UTC))
    worker.begin(3)
    worker.end(3, BROKEN)
    late.join(30)
    assert found == [BROKEN]
    assert len(worker.runs()) == 3
