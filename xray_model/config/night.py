"""A whole night, and the training within it."""

from typing import Self

from pydantic import Field, model_validator

from xray_model.config.base import Options
from xray_model.config.drift import MonitorOptions
from xray_model.config.gate import GatePolicy
from xray_model.config.ingest import IngestOptions
from xray_model.config.training import SnapshotOptions, TrainingOptions


class RetrainOptions(Options):
    """From a snapshot to a champion, or to the reasons why not."""

    snapshot: SnapshotOptions = SnapshotOptions()
    training: TrainingOptions = TrainingOptions()
    gate: GatePolicy = GatePolicy()
    force: bool = Field(False, description="Train even where this snapshot was trained with these options before.")

    @model_validator(mode="after")
    def _check_minority(self) -> Self:
        if self.gate.minority is not None and self.gate.minority not in self.snapshot.classes:
            raise ValueError(f"the gate decides on {self.gate.minority}, which is none of the snapshot's classes")
        return self


class NightlyOptions(Options):
    """One night: ingest, monitor, retrain, report."""

    ingest: IngestOptions = IngestOptions()
    monitor: MonitorOptions = MonitorOptions()
    retrain: RetrainOptions = RetrainOptions()
