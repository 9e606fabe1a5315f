"""Reading a batch's names, tables and sidecars: its records, and how the decoding is divided."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import uuid4

import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage.archives import BatchFiles
from storage.catalog import batch_ids, current_batches
from storage.decisions import load_rows_now
from storage.incoming import IncomingBatch
from storage.objects import ObjectInfo, Objects
from storage.staging.files import frame_bytes, open_batch, records_key, staging_key
from storage.staging.reading import read_batch
from storage.store import Store
from xray_model.data.decisions import REJECTED
from xray_model.data.identity import pseudonymise
from xray_model.data.records import OWN_NUMBERING, DisplayHints, Record
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


SETTLED = ("accepted", "held", REJECTED)
"""Status of the files that a later revision does not read again: all that are not quarantined as it counts now."""
_FEWEST_SHARDS, _SMALLEST_SHARD = 8, 8
"""A small batch is divided as well, so that all cores share in it."""

UnreadEntry: TypeAlias = tuple[str, str]
"""Name and reason of what could not be read of an archive."""


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
    records: str
    """Folder of its records: two runs that read the batch at once, in two ways perhaps, write two."""
    passed_over: dict[str, int]
    notes: dict[str, int]

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.images // self.shard_size)


def stage_objects(objects: Objects, batch: IncomingBatch) -> None:
    """Write down which objects make the batch now, so that every later step works on the same ones."""
    listing = {
        **{name: getattr(batch, name) for name in ("source", "name", "prefix", "marked", "attempt")},
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

    Files that an earlier revision of the batch brought into the catalog are left out, unless the batch is read again;
    what it quarantined, and nobody released, is always read again: what is new may be the tables that were missing.

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
    reading = read_batch(files, layout)
    revisions = batch_ids(objects, batch.family)
    seen = _seen_files(objects, [] if batch.attempt else current_batches(objects, batch.family))
    found: list[Record | UnreadEntry] = [*reading.records, *sorted(files.refused.items())]
    fresh = [item for item in found if _file_of(item, files, batch) not in seen]
    plan = BatchPlan(
        batch_id=batch.batch_id,
        source=batch.source,
        name=batch.name,
        layout=reading.layout,
        files=len(files.names) + len(files.refused),
        images=len(fresh),
        known=len(found) - len(fresh),
        revision=len(revisions),
        shard_size=min(shard_size, max(_SMALLEST_SHARD, -(-len(fresh) // _FEWEST_SHARDS))),
        records=uuid4().hex[:8],
        passed_over=dict(reading.passed_over),
        notes=dict(reading.notes),
    )
    objects.put_many(
        (records_key(batch.batch_id, plan.records, shard), frame_bytes(pd.DataFrame(rows, columns=[*RECORD_COLUMNS])))
        for shard, rows in _rows_of_shards(fresh, files, batch, store.salt, plan.shard_size)
    )
    objects.create(plan_key, plan.model_dump_json().encode())
    return BatchPlan.model_validate_json(objects.get(plan_key))


def _seen_files(objects: Objects, revisions: list[str]) -> set[tuple[str, str]]:
    """Key and mark of every file that these revisions brought in, or a person let in or took out."""
    known = load_rows_now(objects, ["key", "etag"], batches=revisions, statuses=SETTLED)
    return set(zip(known["key"], known["etag"], strict=True))


def _file_of(item: Record | UnreadEntry, files: BatchFiles, batch: IncomingBatch) -> tuple[str, str]:
    if isinstance(item, Record):
        return _printable(f"{batch.prefix}{item.name}"), files.etag_of(item.name)
    return _printable(f"{batch.prefix}{item[0]}"), ""


def _rows_of_shards(
    items: Sequence[Record | UnreadEntry], files: BatchFiles, batch: IncomingBatch, salt: bytes, shard_size: int
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Number and rows of one shard after another: those of a whole batch at once could fill the memory."""
    for shard, start in enumerate(range(0, len(items), shard_size)):
        rows = []
        for item in items[start : start + shard_size]:
            key, etag = _file_of(item, files, batch)
            described = _record_row(item, batch, salt) if isinstance(item, Record) else _unread_row(item)
            rows.append({**described, "key": key, "etag": etag})
        yield shard, rows


def _record_row(record: Record, batch: IncomingBatch, salt: bytes) -> dict[str, Any]:
    patient = record.patient
    if patient is not None:
        space, _, number = patient.partition(":")
        patient = f"{batch.source}:{number}" if space == OWN_NUMBERING else patient
    return {
        # Escaped, because a name may hold bytes that are no text, which Parquet cannot.
        "name": json.dumps(record.name),
        "patient_id": None if patient is None else pseudonymise(patient, salt),
        "session_id": None if record.session is None else pseudonymise(f"session:{record.session}", salt),
        "view": record.view,
        "sex": record.sex,
        "age": record.age,
        "manufacturer": record.manufacturer,
        "label": record.label,
        "finding": record.finding,
        "problems": list(record.problems),
        "display": _display_text(record.display),
        "unreadable": None,
    }


@lru_cache(maxsize=64)
def _display_text(display: DisplayHints) -> str:
    return json.dumps(dataclasses.asdict(display))


def _unread_row(entry: UnreadEntry) -> dict[str, Any]:
    return {**dict.fromkeys(RECORD_COLUMNS), "problems": [], "unreadable": entry[1]}


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
