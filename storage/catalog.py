"""The catalog: one Parquet file per batch revision, one row per image seen; its create-only put commits the batch."""

import io
from collections.abc import Iterable, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from storage.objects import Objects
from xray_model.data.quality import QualityFigures
from xray_model.outcomes import BatchOutcome

PREFIX = "catalog/"
_OUTCOME = b"xray.batch"

_QUALITY = {"min": pa.int16(), "max": pa.int16()}
SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("batch_id", pa.string()),
        ("source", pa.string()),
        ("revision", pa.int32()),
        ("key", pa.string()),
        ("etag", pa.string()),
        ("patient_id", pa.string()),
        ("session_id", pa.string()),
        ("view", pa.string()),
        ("sex", pa.string()),
        ("age", pa.float64()),
        ("manufacturer", pa.string()),
        ("label", pa.string()),
        ("finding", pa.string()),
        ("problems", pa.list_(pa.string())),
        ("split", pa.string()),
        ("status", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("shard", pa.int32()),
        ("row", pa.int32()),
        ("unreadable", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("bits", pa.int16()),
        ("mode", pa.string()),
        ("window_path", pa.string()),
        ("inverted", pa.bool_()),
        ("phash", pa.string()),
        ("duplicate_of", pa.string()),
        ("duplicate_kind", pa.string()),
        *((name, _QUALITY.get(name, pa.float64())) for name in QualityFigures.__dataclass_fields__),
    ]
)
"""Columns of a catalog row. `status` is accepted, quarantined or held; `row` is the place in the shard; of
two rows with one `key` the one of the later `revision` counts."""

QUALITY_COLUMNS = tuple(QualityFigures.__dataclass_fields__)


def catalog_key(batch_id: str) -> str:
    """Key of a batch's rows."""
    return f"{PREFIX}{batch_id}.parquet"


def batch_ids(objects: Objects, family: str = "") -> list[str]:
    """Committed batches, those whose id begins with `family`."""
    keys = (info.key for info in objects.list(f"{PREFIX}{family}"))
    return [key.removeprefix(PREFIX).removesuffix(".parquet") for key in keys if key.endswith(".parquet")]


def batches_by_age(objects: Objects) -> list[str]:
    """Committed batches in the order in which they were committed."""
    infos = [info for info in objects.list(PREFIX) if info.key.endswith(".parquet")]
    infos.sort(key=lambda info: (info.modified, info.key))
    return [info.key.removeprefix(PREFIX).removesuffix(".parquet") for info in infos]


def commit_batch(objects: Objects, rows: pd.DataFrame, outcome: BatchOutcome) -> bool:
    """Commit a batch: True where this call did it, False where it was committed already.

    Args:
        objects: the store.
        rows: columns of `SCHEMA` in any order, those it lacks are null; none for a batch refused as a whole.
        outcome: kept in the file's metadata, so that a batch tells its own story.
    """
    columns = [
        pa.array(rows[field.name], field.type, from_pandas=True)
        if field.name in rows
        else pa.nulls(len(rows), field.type)
        for field in SCHEMA
    ]
    schema = SCHEMA.with_metadata({_OUTCOME: outcome.model_dump_json().encode()})
    table = pa.Table.from_arrays(columns, schema=schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return objects.create(catalog_key(outcome.batch_id), buffer.getvalue())


def load_outcome(objects: Objects, batch_id: str) -> BatchOutcome:
    """What became of a committed batch.

    Raises:
        ObjectNotFound: there is no such batch in the catalog.
    """
    metadata = pq.read_schema(io.BytesIO(objects.get(catalog_key(batch_id)))).metadata
    return BatchOutcome.model_validate_json(metadata[_OUTCOME])


def load_rows(
    objects: Objects, columns: Sequence[str], batches: Iterable[str] | None = None, statuses: Sequence[str] = ()
) -> pd.DataFrame:
    """Some columns of the catalog, in the order of batch ids and rows.

    Args:
        objects: the store.
        columns: names out of `SCHEMA`.
        batches: ids of the batches to read; all where None.
        statuses: keep only rows with one of these; all where empty.
    """
    wanted = list(dict.fromkeys([*columns, "status"] if statuses else columns))
    keys = [catalog_key(batch_id) for batch_id in (batch_ids(objects) if batches is None else batches)]
    tables = []
    for _, data in objects.get_many(keys):
        if not isinstance(data, bytes):
            raise data
        tables.append(pq.read_table(io.BytesIO(data), columns=wanted).replace_schema_metadata(None))
    if not tables:
        tables = [pa.schema([SCHEMA.field(name) for name in wanted]).empty_table()]
    rows: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    if statuses:
        rows = rows[rows["status"].isin(statuses)].reset_index(drop=True)
    return rows[list(columns)]
