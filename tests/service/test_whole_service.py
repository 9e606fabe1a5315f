"""The service as a hospital runs it, of real parts on loopback: what is killed in it is made up for.

PostgreSQL under the Prefect server, two work pools with a worker each in a home of its own, Swift as S3 for images and
models, and a console that predicts. MLflow's database is PostgreSQL too where psycopg2 is installed, and SQLite where
it is not.
"""

import importlib.util
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient

from apps.console.phantoms import encode_phantom
from apps.push import push_batch
from flows.attempts import Fate
from storage.settings import Settings
from storage.store import open_store
from tasks.training_state import PREFIX
from tests.servers.console import console_server
from tests.servers.postgres import postgres_server, why_no_postgres
from tests.servers.prefect_service import kill_tree, prefect_service, wait_for
from tests.service.hospital import ENDED, Hospital
from xray_model.config import TrainingOptions
from xray_model.data.phantoms import CohortOptions, write_bimcv

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(1200)]

QUICK = TrainingOptions(epochs=3, input_side=64)
LONG = QUICK.model_copy(update={"epochs": 500, "patience": 500})
"""A minute or two of training, of which a state is written after 20 s."""


@pytest.fixture(scope="module")
def hospital(
    tmp_path_factory: pytest.TempPathFactory, swift: dict[str, str], s3_settings: dict[str, str]
) -> Iterator[Hospital]:
    """All of it, with one batch in the landing zone."""
    if reason := why_no_postgres():
        pytest.skip(reason)
    import boto3

    folder = tmp_path_factory.mktemp("hospital")
    bucket = f"hospital-{os.getpid()}"
    boto3.session.Session().client("s3").create_bucket(Bucket=bucket)
    with postgres_server("prefect", "mlflow") as place, pytest.MonkeyPatch.context() as patch:
        sql = importlib.util.find_spec("psycopg2") is not None
        environment = {
            "XRAY_STORE": f"s3://{bucket}/store",
            "XRAY_REGISTRY": f"postgresql://{place}/mlflow" if sql else f"sqlite:///{folder}/mlflow.db",
            "XRAY_GPU_POOL": "gpu",
            "XRAY_GPU_WAIT_MINUTES": "2",
            "XRAY_SALT": "a salt for tests",
        }
        for name, value in {**environment, "XRAY_HOME": str(folder / "home-here")}.items():
            patch.setenv(name, value)
        registry = MlflowClient(environment["XRAY_REGISTRY"])
        database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{place}/prefect"}
        with prefect_service(folder, **environment, **database) as service:
            for pool in ("cpu", "gpu"):
                service.command("work-pool", "create", pool, "--type", "process")
            service.command("--no-prompt", "deploy", "--all")
            sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
            cohort = CohortOptions(patients=64, shares={"covid": 1, "normal": 1}, seed=1, **sizes)
            write_bimcv(folder / "first", cohort, archive=True, workers=2)
            push_batch(folder / "first", "bimcv", "first")
            yield Hospital(service, open_store(Settings()).objects, registry)


def test_a_night_trains_on_the_gpu_pool(hospital: Hospital) -> None:
    """A night asked for with `prefect deployment run` ends with a champion that the other pool's worker trained."""
    night = hospital.start_night(QUICK)
    assert hospital.await_end(night) == "Promoted", hospital.log(night)
    assert hospital.champion() == 1
    (training,) = hospital.service.runs("retrain")
    assert (training["work_pool_name"], training["state"]["type"]) == ("gpu", "COMPLETED")
    assert training["parent_task_run_id"] is not None
    told = hospital.log(night)
    assert "attempt 1 is sent" in told
    assert f"Running (flow run {training['name']})" in told
    slots = hospital.service.query("/v2/concurrency_limits/gpu")
    assert (slots["limit"], slots["active_slots"]) == (1, 0)
    assert hospital.store.exists("reports/index.html")


def test_the_console_answers_with_what_the_gpu_pool_trained(hospital: Hospital, tmp_path: Path) -> None:
    """A drawn X-ray is answered by the champion of the store, which /metrics names; after a promotion by the next."""
    with console_server(tmp_path / "console.log") as address, httpx.Client(base_url=address, timeout=120) as console:
        wait_for("a model", lambda: console.get("/v1/ready").status_code == 200)
        before = hospital.champion()
        check_answer(console, before)
        night = hospital.start_night(QUICK.model_copy(update={"seed": 24}))
        assert hospital.await_end(night) == "Promoted", hospital.log(night)
        assert hospital.champion() > before
        wait_for("the next model", lambda: console.get("/v1/model").json()["model"]["version"] > before)
        check_answer(console, hospital.champion())


def check_answer(console: httpx.Client, version: int) -> None:
    """Whether a console answers by a version, and counts it."""
    answer = console.post("/v1/predict", content=encode_phantom("covid"), headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    (prediction,) = said["predictions"]
    assert said["model"]["version"] == prediction["version"] == version
    assert set(prediction["probabilities"]) == {"covid", "normal"}
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert f"xray_predict_model_version {float(version)}" in console.get("/metrics").text


def test_a_second_night_beside_the_first_is_refused(hospital: Hospital) -> None:
    """Of two nights at once one is done, and the other is cancelled with words."""
    nights = [hospital.start_night(QUICK) for _ in range(2)]
    assert sorted(hospital.await_end(night) for night in nights) == ["Cancelled", "NothingNew"]
    messages = {hospital.state(night)["message"] for night in nights}
    assert "Deployment concurrency limit reached." in messages


def test_the_schedule_fires_on_time(hospital: Hospital) -> None:
    """A cron of one minute makes a night begin within the worker's polls of its time."""
    before = {run["id"] for run in hospital.service.runs("nightly")}
    hospital.service.command("deployment", "schedule", "create", "nightly/nightly", "--cron", "* * * * *")

    def begun() -> dict[str, Any] | None:
        new = [run for run in hospital.service.runs("nightly") if run["id"] not in before and run["start_time"]]
        return new[0] if new else None

    run = wait_for("a night by the schedule", begun, 150)
    (schedule,) = [
        one
        for one in hospital.service.query("/deployments/name/nightly/nightly")["schedules"]
        if one["schedule"].get("cron") == "* * * * *"
    ]
    hospital.service.command("deployment", "schedule", "delete", "nightly/nightly", schedule["id"], "--accept-yes")
    assert run["auto_scheduled"]
    late = datetime.fromisoformat(run["start_time"]) - datetime.fromisoformat(run["expected_start_time"])
    assert late.total_seconds() < 30
    for other in hospital.service.runs("nightly"):
        if other["state"]["type"] not in {*ENDED, "SCHEDULED"}:
            hospital.await_end(other["id"])


def test_drift_starts_a_training(hospital: Hospital) -> None:
    """The event of monitor makes Prefect run `retrain` on the GPU pool, and it ends well."""
    before = len(hospital.service.runs("retrain"))
    hospital.service.command("event", "emit", "xray.drift.retrain", "--resource-id", "xray.drift.a-night")
    run = wait_for("a training after drift", lambda: hospital.service.runs("retrain")[before:])[0]
    assert run["created_by"]["type"] == "AUTOMATION"
    assert run["work_pool_name"] == "gpu"
    assert hospital.await_end(run["id"]) == "Completed", hospital.log(run["id"])


def test_a_killed_gpu_worker_is_made_up_for(hospital: Hospital) -> None:
    """Killed in mid-training, it is missed by the night, and another worker goes on from the state in the store."""
    before, trained = len(hospital.service.runs("retrain")), hospital.trained()
    night = hospital.start_night(LONG)
    first = hospital.await_training(before)
    wait_for("a state in the store", lambda: list(hospital.store.list(PREFIX)), 120)
    kill_tree(hospital.workers["gpu"])
    hospital.replace_worker("gpu")
    assert hospital.await_end(night, 600) in {"Promoted", "KeptChampion"}, hospital.log(night)
    lost, second = hospital.service.runs("retrain")[before:]
    assert lost["id"] == first["id"]
    assert (lost["state"]["type"], second["state"]["type"]) == (Fate.CRASHED.upper(), "COMPLETED")
    assert "its worker was killed or lost" in lost["state"]["message"]
    assert "the training goes on after epoch" in hospital.log(second["id"])
    assert hospital.trained() == trained + 1
    assert not list(hospital.store.list(PREFIX))


def test_a_server_that_is_away_for_a_minute_costs_nothing(hospital: Hospital) -> None:
    """Night and training both go on without the server, and tell it of their end when it is back."""
    before, trained = len(hospital.service.runs("retrain")), hospital.trained()
    night = hospital.start_night(LONG.model_copy(update={"seed": 21}))
    training = hospital.await_training(before)
    hospital.service.kill_server()
    time.sleep(60)
    hospital.service.start_server()
    assert hospital.await_end(night, 600) in {"Promoted", "KeptChampion"}, hospital.log(night)
    assert [run["id"] for run in hospital.service.runs("retrain")[before:]] == [training["id"]]
    assert hospital.trained() == trained + 1


def test_a_killed_night_finds_its_training_again(hospital: Hospital) -> None:
    """The next night waits for the training that is under way, and begins none beside it."""
    before, trained = len(hospital.service.runs("retrain")), hospital.trained()
    long = LONG.model_copy(update={"seed": 22})
    night = hospital.start_night(long)
    training = hospital.await_training(before)
    kill_tree(hospital.workers["cpu"])
    crashed = {"state": {"type": "CRASHED"}, "force": True}
    hospital.service.query(f"/flow_runs/{night}/set_state", crashed)
    hospital.replace_worker("cpu")
    again = hospital.start_night(long)
    assert hospital.await_end(again, 600) in {"Promoted", "KeptChampion"}, hospital.log(again)
    assert [run["id"] for run in hospital.service.runs("retrain")[before:]] == [training["id"]]
    assert hospital.trained() == trained + 1


def test_a_pool_without_a_worker_fails_the_training_in_time(hospital: Hospital) -> None:
    """The night says that nobody works there, takes the training back in the end, and fails with that reason."""
    before = len(hospital.service.runs("retrain"))
    kill_tree(hospital.workers["gpu"])
    night = hospital.start_night(QUICK.model_copy(update={"seed": 23}))
    assert hospital.await_end(night, 300) == "Failed"
    assert "No worker began it within 2 minutes" in hospital.state(night)["message"]
    (training,) = hospital.service.runs("retrain")[before:]
    assert training["state"]["type"] == "CANCELLED"
