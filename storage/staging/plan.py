"""Reading a batch's names, tables and sidecars: its records, and how the decoding is divided."""

import dataclasses
import json
from datetime import datetime
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage.archives import BatchFiles
from storage.catalog import batch_ids, load_rows
from storage.incoming import IncomingBatch
from storage.objects import ObjectInfo, Objects
from storage.staging.files import create_frame, open_batch, staging_key
from storage.store import Store
from xray_model.data.identity import pseudonymise
from xray_model.data.layouts.detection import detect_layout
from xray_model.data.records import OWN_NUMBERING, Reading, Record
from xray_model.errors import InvalidInput, ObjectNotFound

RECORD_COLUMNS = (
    "name",
    "key",
    "etag",
    "patient_id",
    "session_id",
    "view",
    "sex",
    "age",
    "manufacturer",
    "label",
    "finding",
    "problems",
    "display",
    "unreadable",
)


class BatchPlan(BaseModel):
    """What the layout reader found in a batch, and how the decoding is divided."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    source: str
    name: str
    layout: str
    files: int
    images: int
    """Images of this batch that are not in the catalog yet."""
    known: int
    """Images of this batch that an earlier revision brought."""
    revision: int
    """How many revisions of this batch were committed before."""
    shard_size: int
    passed_over: dict[str, int]
    notes: dict[str, int]

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.images // self.shard_size)


def stage_objects(objects: Objects, batch: IncomingBatch) -> None:
    """Write down which objects make the batch now, so that every later step works on the same ones."""
    listing = {
        **{name: getattr(batch, name) for name in ("source", "name", "prefix", "marked")},
        "infos": [(info.key, info.size, info.etag, info.modified.isoformat()) for info in batch.infos],
    }
    objects.create(staging_key(batch.batch_id, "objects.json"), json.dumps(listing).encode())


def load_objects(objects: Objects, batch_id: str) -> IncomingBatch:
    """The batch as `stage_objects` wrote it down.

    Raises:
        ObjectNotFound: it is not staged, or was committed and cleared up.
    """
    listing = json.loads(objects.get(staging_key(batch_id, "objects.json")))
    infos = tuple(
        ObjectInfo(key, size, etag, datetime.fromisoformat(modified)) for key, size, etag, modified in listing["infos"]
    )
    return IncomingBatch(**{**listing, "infos": infos})


def stage_batch(store: Store, batch: IncomingBatch, layout: str | None, shard_size: int) -> BatchPlan:
    """Read a batch's names, tables and sidecars, and write its records and plan; decode nothing.

    Files that an earlier revision of the batch brought into the catalog are left out; what it quarantined is read
    again, for what is new may be the tables that were missing.

    Raises:
        InvalidInput: the batch is empty, or follows no layout (UnknownLayout).
    """
    objects = store.objects
    plan_key = staging_key(batch.batch_id, "plan.json")
    try:
        return BatchPlan.model_validate_json(objects.get(plan_key))
    except ObjectNotFound:
        pass
    if not batch.infos:
        raise InvalidInput("the batch is empty: no file has arrived under its name")
    files = open_batch(store, batch)
    reading = _read_records(files, layout)
    revisions = batch_ids(objects, batch.family)
    known = load_rows(objects, ["key", "etag"], batches=revisions, statuses=("accepted", "held"))
    seen = set(zip(known["key"], known["etag"], strict=True))
    rows = [_record_row(record, files, batch, store.salt) for record in reading.records]
    rows += [_refused_row(batch.prefix, name, reason) for name, reason in sorted(files.refused.items())]
    fresh = [row for row in rows if (row["key"], row["etag"]) not in seen]
    plan = BatchPlan(
        batch_id=batch.batch_id,
        source=batch.source,
        name=batch.name,
        layout=reading.layout,
        files=len(files.names) + len(files.refused),
        images=len(fresh),
        known=len(rows) - len(fresh),
        revision=len(revisions),
        shard_size=shard_size,
        passed_over=dict(reading.passed_over),
        notes=dict(reading.notes),
    )
    frame = pd.DataFrame(fresh, columns=[*RECORD_COLUMNS])
    create_frame(objects, staging_key(batch.batch_id, "records.parquet"), frame)
    objects.create(plan_key, plan.model_dump_json().encode())
    return BatchPlan.model_validate_json(objects.get(plan_key))


def _read_records(files: BatchFiles, layout: str | None) -> Reading:
    if not files.names:
        return Reading(layout or "none", ())
    reader = detect_layout(files.names, layout)
    # Fetched many at a time: opened one by one, a sidecar each would cost more than its image.
    fetched = dict(files.open_many(reader.needs(files.names)))

    def open_file(name: str) -> bytes:
        data = fetched[name] if name in fetched else files.open(name)
        if isinstance(data, bytes):
            return data
        raise data

    return reader.read(files.names, open_file)


def _record_row(record: Record, files: BatchFiles, batch: IncomingBatch, salt: bytes) -> dict[str, Any]:
    patient = record.patient
    if patient is not None:
        space, _, number = patient.partition(":")
        patient = f"{batch.source}:{number}" if space == OWN_NUMBERING else patient
    return {
        # Escaped, because a name may hold bytes that are no text, which Parquet cannot.
        "name": json.dumps(record.name),
        "key": _printable(f"{batch.prefix}{record.name}"),
        "etag": files.etag_of(record.name),
        "patient_id": None if patient is None else pseudonymise(patient, salt),
        "session_id": None if record.session is None else pseudonymise(f"session:{record.session}", salt),
        "view": record.view,
        "sex": record.sex,
        "age": record.age,
        "manufacturer": record.manufacturer,
        "label": record.label,
        "finding": record.finding,
        "problems": list(record.problems),
        "display": json.dumps(dataclasses.asdict(record.display)),
        "unreadable": None,
    }


def _refused_row(prefix: str, name: str, reason: str) -> dict[str, Any]:
    empty = dict.fromkeys(RECORD_COLUMNS)
    return {**empty, "key": _printable(f"{prefix}{name}"), "etag": "", "problems": [], "unreadable": reason}


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
