"""A quick night: what it is asked, and running it."""

from flows.nightly import nightly
from flows.running import run_flow
from xray_model.config import (
    GatePolicy,
    IngestOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.outcomes import NightOutcome

OPTIONS = NightlyOptions(
    ingest=IngestOptions(shard_size=32),
    retrain=RetrainOptions(
        snapshot=SnapshotOptions(classes=("covid", "normal")),
        training=TrainingOptions(epochs=3, input_side=64),
        gate=GatePolicy(floor=0.0, recall_floor=0.0, skill_confidence=0.0, minimum_patients=1, draws=200),
    ),
)
INGEST_ONLY = OPTIONS.model_copy(update={"retrain": RetrainOptions(snapshot=SnapshotOptions(sources=("nobody",)))})


def run(options: NightlyOptions = OPTIONS) -> NightOutcome:
    """One night."""
    night: NightOutcome = run_flow(nightly, options)
    return night
