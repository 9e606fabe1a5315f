"""A store of which every figure can be told: batches, a night with drift, and a ledger."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from storage.reports import keys
from storage.store import Store
from tests.apps.console.filling import fill
from tests.storage.entries import WAITING, write_ledger
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    ColumnDrift,
    DriftOutcome,
    DriftState,
    NightOutcome,
    RetrainOutcome,
    StageTime,
)

STARTED = datetime(2026, 5, 4, 2, tzinfo=UTC)


def make_night(*, failed: bool = False, **changes: object) -> NightOutcome:
    """A night of twelve minutes with one batch, in which one of two columns moved."""
    columns = tuple(
        ColumnDrift(
            column=name,
            method="Wasserstein",
            score=0.5,
            threshold=0.3,
            moved=name == "mean",
            current="142",
            reference="118",
        )
        for name in ("mean", "age")
    )
    night = NightOutcome(
        night_id=f"{STARTED:%Y%m%dT%H%M%SZ}-3f9a",
        started=STARTED,
        finished=STARTED + timedelta(minutes=12),
        batches=(
            BatchOutcome(
                batch_id="hospital.b.1",
                source="hospital",
                name="b",
                status=BatchStatus.HELD,
                read=10,
                accepted=0,
                held=7,
                quarantined=3,
            ),
        ),
        drift=DriftOutcome(state=DriftState.WATCH, reasons=("It moved.",), columns=columns),
        retrain=RetrainOutcome(trained=False, failed=failed, reasons=("No new image.",)),
        champion=None,
        stages=(StageTime(name="ingest", seconds=61.5), StageTime(name="retrain", seconds=640)),
    )
    return night.model_copy(update=changes)


def fill_store(store: Store) -> None:
    """Two batches of which one waits, a model that waits, and a night."""
    fill(store, "held", ["held", "held", "quarantined"])
    fill(store, "sound", ["accepted"] * 4 + ["quarantined"])
    write_ledger(store.objects, *WAITING)
    put_night(store, make_night())


def put_night(store: Store, night: NightOutcome) -> None:
    """Keep the record of a night."""
    store.objects.create(keys.night_record(night.night_id), night.model_dump_json().encode())


def read_figures(content: bytes) -> dict[str, float]:
    """Every sample by its name and the values of its labels: `xray_images held`."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }
