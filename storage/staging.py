"""A batch on its way into the catalog: read by its layout, decoded shard by shard, and put together.

Everything lies under `staging/<batch_id>/` until the batch is committed, so a run that was killed goes on where it
stopped, and two runs at once do the same work twice but end the same.
"""

import dataclasses
import hashlib
import io
import json
import shutil
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage.archives import BatchFiles
from storage.catalog import batch_ids, load_rows
from storage.incoming import IncomingBatch
from storage.objects import ObjectInfo, Objects
from storage.shards import save_array, shard_key
from storage.store import Store
from xray_model.data.identity import assign_patients, find_duplicates, pseudonymise
from xray_model.data.images import CanonicalImage, decode_image
from xray_model.data.layouts.detection import detect_layout
from xray_model.data.records import OWN_NUMBERING, DisplayHints, Reading, Record
from xray_model.data.splits import assign_split
from xray_model.errors import InvalidInput, ObjectNotFound, StoreUnavailable, UnreadableImage, XrayError

PREFIX = "staging/"


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
    objects.create(f"{PREFIX}{batch.batch_id}/objects.json", json.dumps(listing).encode())


def load_objects(objects: Objects, batch_id: str) -> IncomingBatch:
    """The batch as `stage_objects` wrote it down.

    Raises:
        ObjectNotFound: it is not staged, or was committed and cleared up.
    """
    listing = json.loads(objects.get(f"{PREFIX}{batch_id}/objects.json"))
    infos = tuple(
        ObjectInfo(key, size, etag, datetime.fromisoformat(modified)) for key, size, etag, modified in listing["infos"]
    )
    return IncomingBatch(**{**listing, "infos": infos})


def stage_batch(store: Store, batch: IncomingBatch, layout: str | None, shard_size: int) -> BatchPlan:
    """Read a batch's names, tables and sidecars, and write its records and plan; decode nothing.

    Images that an earlier revision of the batch brought are left out.

    Raises:
        InvalidInput: the batch is empty, or follows no layout (UnknownLayout).
    """
    objects = store.objects
    plan_key = f"{PREFIX}{batch.batch_id}/plan.json"
    try:
        return BatchPlan.model_validate_json(objects.get(plan_key))
    except ObjectNotFound:
        pass
    if not batch.infos:
        raise InvalidInput("the batch is empty: no file has arrived under its name")
    files = _open_batch(store, batch)
    reading = _read_records(files, layout)
    known = load_rows(objects, ["key", "etag"], batches=batch_ids(objects, batch.family))
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
        shard_size=shard_size,
        passed_over=dict(reading.passed_over),
        notes=dict(reading.notes),
    )
    frame = pd.DataFrame(fresh, columns=[*_RECORD_COLUMNS])
    _create_frame(objects, f"{PREFIX}{batch.batch_id}/records.parquet", frame)
    objects.create(plan_key, plan.model_dump_json().encode())
    return BatchPlan.model_validate_json(objects.get(plan_key))


def decode_shard(store: Store, batch: IncomingBatch, plan: BatchPlan, shard: int) -> int:
    """Decode one shard of a staged batch and write its pixels and facts; returns how many images were decoded.

    A bad image becomes a row with its reason. A shard that is already there is not decoded again.

    Raises:
        StoreUnavailable: the store failed, so that nothing is known of the images.
    """
    facts_key = f"{PREFIX}{plan.batch_id}/{shard:04d}.parquet"
    if store.objects.exists(facts_key):
        return 0
    records = _read_frame(store.objects, f"{PREFIX}{plan.batch_id}/records.parquet")
    records = records.iloc[shard * plan.shard_size : (shard + 1) * plan.shard_size]
    files = _open_batch(store, batch)
    pixels: list[np.ndarray] = []
    facts: list[dict[str, Any]] = []
    opened = files.open_many([json.loads(name) for name in records.loc[records["unreadable"].isna(), "name"]])
    for row in records.itertuples(index=False):
        if row.unreadable is not None:
            facts.append({"image_id": _hash(f"unread:{row.key}".encode()), "unreadable": row.unreadable})
            continue
        _, data = next(opened)
        found, image = _decode(row, data, store.side)
        if image is not None:
            found |= {"shard": shard, "row": len(pixels)}
            pixels.append(image.pixels)
        facts.append(found)
    canonical = np.stack(pixels) if pixels else np.zeros((0, store.side, store.side), np.uint8)
    save_array(store.objects, shard_key(plan.batch_id, shard), canonical)
    _create_frame(store.objects, facts_key, pd.DataFrame(facts))
    return len(pixels)


def assemble_rows(store: Store, plan: BatchPlan) -> pd.DataFrame:
    """The rows of a decoded batch with patients, splits and duplicates, before any expectation was asked.

    Raises:
        ObjectNotFound: a shard is not decoded yet, or another run has committed the batch and cleared up.
    """
    records = _read_frame(store.objects, f"{PREFIX}{plan.batch_id}/records.parquet")
    parts = [_read_frame(store.objects, f"{PREFIX}{plan.batch_id}/{shard:04d}.parquet") for shard in range(plan.shards)]
    facts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    rows = pd.concat([records.drop(columns=["name", "display", "unreadable"]), facts], axis=1)
    for column in (*_FACT_COLUMNS, "shard", "row"):
        if column not in rows:
            rows[column] = None
    rows["batch_id"] = plan.batch_id
    rows["source"] = plan.source
    known = load_rows(store.objects, ["image_id", "phash", "patient_id", "split"], statuses=("accepted", "held"))
    rows["patient_id"] = assign_patients(rows, known, store.salt)
    rows["split"] = [assign_split(patient, store.shares) for patient in rows["patient_id"]]
    return rows.join(find_duplicates(rows, known))


def save_judged(objects: Objects, batch_id: str, rows: pd.DataFrame) -> None:
    """Keep the rows with their status and reasons until they are committed."""
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    objects.put(f"{PREFIX}{batch_id}/judged.parquet", buffer.getvalue())


def load_judged(objects: Objects, batch_id: str) -> pd.DataFrame:
    """The rows that `save_judged` kept.

    Raises:
        ObjectNotFound: there are none, or another run has committed them and cleared up.
    """
    return _read_frame(objects, f"{PREFIX}{batch_id}/judged.parquet")


def clear_staging(store: Store, batch_id: str) -> None:
    """Remove what a committed batch no longer needs."""
    for info in list(store.objects.list(f"{PREFIX}{batch_id}/")):
        store.objects.delete(info.key)
    shutil.rmtree(store.spool / batch_id, ignore_errors=True)  # another machine may have unpacked it, or none


_RECORD_COLUMNS = (
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
_FACT_COLUMNS = ("image_id", "unreadable", "width", "height", "bits", "mode", "window_path", "inverted", "phash")


def _open_batch(store: Store, batch: IncomingBatch) -> BatchFiles:
    spool = store.spool / batch.batch_id
    spool.mkdir(parents=True, exist_ok=True)
    return BatchFiles(store.objects, batch.infos, batch.prefix, spool=spool)


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
    empty = dict.fromkeys(_RECORD_COLUMNS)
    return {**empty, "key": _printable(f"{prefix}{name}"), "etag": "", "problems": [], "unreadable": reason}


def _decode(row: Any, data: bytes | XrayError, side: int) -> tuple[dict[str, Any], CanonicalImage | None]:
    if isinstance(data, StoreUnavailable):
        raise data
    if isinstance(data, XrayError):
        return {"image_id": _hash(f"unread:{row.key}".encode()), "unreadable": str(data)}, None
    image_id = _hash(data)
    try:
        image = decode_image(data, _hints(row.display), side)
    except UnreadableImage as error:
        return {"image_id": image_id, "unreadable": str(error)}, None
    facts = dataclasses.asdict(image.facts)
    quality = facts.pop("quality")
    return {"image_id": image_id, "unreadable": None, **facts, **quality}, image


def _hints(text: str) -> DisplayHints:
    fields = json.loads(text)
    for name in ("window", "rescale"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    if fields["voi_lut"] is not None:
        fields["voi_lut"] = (fields["voi_lut"][0], tuple(fields["voi_lut"][1]))
    return DisplayHints(**fields)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _create_frame(objects: Objects, key: str, frame: pd.DataFrame) -> None:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    objects.create(key, buffer.getvalue())


def _read_frame(objects: Objects, key: str) -> pd.DataFrame:
    frame = pd.read_parquet(io.BytesIO(objects.get(key)))
    texts = frame.select_dtypes(include=["object", "string"]).columns
    # Missing text is None throughout, never NaN.
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts})
