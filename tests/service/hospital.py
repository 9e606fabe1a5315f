"""The running service as a hospital has it: its workers, its nights, and what is asked of them."""

import time
from typing import Any

from mlflow import MlflowClient

from storage.ledger import champion_of, load_entries
from storage.objects import Objects
from storage.registry import MODEL_NAME
from tests.servers.prefect_service import PrefectService, wait_for
from xray_model.config import (
    GatePolicy,
    IngestOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def options(training: TrainingOptions) -> NightlyOptions:
    """A night on two classes with a gate that lets everything through."""
    gate = GatePolicy(
        floor=0.0,
        recall_floor=0.0,
        skill_confidence=0.0,
        margin=1.0,
        recall_allowance=1.0,
        subgroup_allowance=1.0,
        calibration_error=1.0,
        minimum_patients=1,
        draws=200,
    )
    snapshot = SnapshotOptions(classes=("covid", "normal"))
    return NightlyOptions(
        ingest=IngestOptions(shard_size=32), retrain=RetrainOptions(snapshot=snapshot, training=training, gate=gate)
    )


class Hospital:
    """The running service, and what its tests ask of it."""

    def __init__(self, service: PrefectService, store: Objects, registry: MlflowClient) -> None:
        self.service, self.store, self._registry = service, store, registry
        self.workers = {pool: service.start_worker(pool, **self._home(pool)) for pool in ("cpu", "gpu")}

    def replace_worker(self, pool: str) -> None:
        """Another worker, in another home, as on another machine."""
        self.workers[pool] = self.service.start_worker(pool, **self._home(f"{pool}-{time.monotonic_ns()}"))

    def start_night(self, training: TrainingOptions) -> str:
        """Ask for a night as a person does; returns its id."""
        parameters = options(training).model_dump_json()
        told = self.service.command("deployment", "run", "nightly/nightly", "--params", f'{{"options": {parameters}}}')
        return next(line.split()[-1] for line in told.splitlines() if "UUID" in line)

    def state(self, run_id: str) -> dict[str, Any]:
        """The state of a run."""
        state: dict[str, Any] = self.service.query(f"/flow_runs/{run_id}")["state"]
        return state

    def await_end(self, run_id: str, seconds: float = 400) -> str:
        """The name of a run's last state."""
        wait_for(f"the end of {run_id}", lambda: self.state(run_id)["type"] in ENDED, seconds)
        return str(self.state(run_id)["name"])

    def await_training(self, before: int) -> dict[str, Any]:
        """The first run of `retrain` after so many, once it runs."""

        def find() -> dict[str, Any] | None:
            runs = self.service.runs("retrain")[before:]
            return runs[0] if runs and runs[0]["state"]["type"] == "RUNNING" else None

        found: dict[str, Any] = wait_for("a training", find, 120)
        return found

    def log(self, run_id: str) -> str:
        """What a run logged."""
        lines: list[str] = []
        while True:
            filters = {"flow_run_id": {"any_": [run_id]}}
            page = self.service.query("/logs/filter", {"logs": filters, "limit": 200, "offset": len(lines)})
            lines += [line["message"] for line in page]
            if len(page) < 200:
                return "\n".join(lines)

    def trained(self) -> int:
        """How many trainings MLflow holds that came to their end."""
        experiment = self._registry.get_experiment_by_name(MODEL_NAME)
        runs = self._registry.search_runs([experiment.experiment_id])
        return sum(run.info.status == "FINISHED" for run in runs)

    def champion(self) -> int:
        """The version in service."""
        champion = champion_of(load_entries(self.store))
        assert champion is not None
        return champion.version

    def _home(self, name: str) -> dict[str, str]:
        return {"XRAY_HOME": str(self.service.folder / f"home-{name}")}
