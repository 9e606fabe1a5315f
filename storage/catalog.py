"""The catalog: one Parquet file per batch revision, one row per image seen; its create-only put commits the batch."""

import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.objects import Objects, get_all
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome

PREFIX = "catalog/"
_OUTCOME, _COMPARED = b"xray.batch", b"xray.compared"
_AGAIN = re.compile(r"(.+\.[0-9a-f]{12})-(\d+)")
"""Id of a batch that was read again: the id it had, and how often that was done."""

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
        ("failed", pa.list_(pa.string())),
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
        *((name, _QUALITY.get(name, pa.float64())) for name in QUALITY_FIGURES),
    ]
)
"""Columns of a catalog row. `status` is accepted, quarantined or held; `failed` are the codes of all expectations
that the row fails, notes included, null where a file was written before they were kept; `row` is the place in the
shard; of two rows with one `key` the one of the later `revision` counts."""


def catalog_key(batch_id: str) -> str:
    """Key of a batch's rows."""
    return f"{PREFIX}{batch_id}.parquet"


def batch_ids(objects: Objects, family: str = "") -> list[str]:
    """Committed batches, those whose id begins with `family`."""
    keys = (info.key for info in objects.list(f"{PREFIX}{family}"))
    return [key.removeprefix(PREFIX).removesuffix(".parquet") for key in keys if key.endswith(".parquet")]


def batches_by_age(objects: Objects, family: str = "") -> list[str]:
    """Committed batches, those whose id begins with `family`, in the order in which they were committed."""
    infos = [info for info in objects.list(f"{PREFIX}{family}") if info.key.endswith(".parquet")]
    infos.sort(key=lambda info: (info.modified, info.key))
    return [info.key.removeprefix(PREFIX).removesuffix(".parquet") for info in infos]


def batch_family(batch_id: str) -> str:
    """What all revisions of a batch share: the beginning of their ids, `source.name.`."""
    return batch_id[: batch_id.rfind(".") + 1]


def current_batches(objects: Objects, family: str = "") -> list[str]:
    """Committed batches, those of `family` or all, in the order of commit, without those that were read again.

    A batch that was read again, `<id>-1` or `<id>-2`, takes the place of `<id>` and of every revision of its family
    committed before `<id>`. Files that arrived after `<id>` made a revision that it did not read: that one stays.
    """
    order = batches_by_age(objects, family)
    ages = {batch_id: place for place, batch_id in enumerate(order)}
    rank: dict[str, tuple[int, int]] = {}
    least: dict[str, tuple[int, int]] = {}
    for batch_id in order:
        again = _AGAIN.fullmatch(batch_id)
        first, times = (again[1], int(again[2])) if again else (batch_id, 0)
        rank[batch_id] = (ages.get(first, ages[batch_id]), times)
        if again:
            least[batch_family(batch_id)] = max(rank[batch_id], least.get(batch_family(batch_id), (0, 0)))
    return [batch_id for batch_id in order if rank[batch_id] >= least.get(batch_family(batch_id), (0, 0))]


def commit_batch(objects: Objects, rows: pd.DataFrame, outcome: BatchOutcome, compared: Iterable[str] = ()) -> bool:
    """Commit a batch: True where this call did it, False where it was committed already.

    Args:
        objects: the store.
        rows: columns of `SCHEMA` in any order, those it lacks are null; none for a batch refused as a whole.
        outcome: kept in the file's metadata, so that a batch tells its own story.
        compared: ids of the batches whose accepted rows these were compared with (`known.KnownRows.batches`), kept
            there as well: a snapshot compares only batches that did not see each other.
    """
    columns = [
        pa.array(rows[field.name], field.type, from_pandas=True)
        if field.name in rows
        else pa.nulls(len(rows), field.type)
        for field in SCHEMA
    ]
    metadata = {_OUTCOME: outcome.model_dump_json(), _COMPARED: json.dumps(sorted(compared), separators=(",", ":"))}
    schema = SCHEMA.with_metadata({name: text.encode() for name, text in metadata.items()})
    table = pa.Table.from_arrays(columns, schema=schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return objects.create(catalog_key(outcome.batch_id), buffer.getvalue())


def load_outcome(objects: Objects, batch_id: str) -> BatchOutcome:
    """What became of a committed batch.

    Raises:
        ObjectNotFound: there is no such batch in the catalog.
        InvalidInput: its file is damaged.
    """
    return parse_batch(batch_id, objects.get(catalog_key(batch_id)), ())[1]


def parse_batch(batch_id: str, data: bytes, columns: Sequence[str]) -> tuple[pd.DataFrame, BatchOutcome]:
    """Some columns of the batch whose catalog file this is, and what became of it.

    Raises:
        InvalidInput: the file is damaged.
    """
    with _undamaged(catalog_key(batch_id)):
        file = pq.ParquetFile(io.BytesIO(data))
        outcome = BatchOutcome.model_validate_json((file.schema_arrow.metadata or {})[_OUTCOME])
        return _read_columns(file, list(columns)).to_pandas(), outcome


@contextmanager
def _undamaged(key: str) -> Iterator[None]:
    """Name the key where what lies under it is no catalog file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise InvalidInput(
            f"{key} in the store is damaged, so nobody can say which images its batch has. Restore it as it was."
        ) from error


def load_rows(
    objects: Objects, columns: Sequence[str], batches: Iterable[str] | None = None, statuses: Collection[str] = ()
) -> pd.DataFrame:
    """Some columns of the catalog.

    Args:
        objects: the store.
        columns: names out of `SCHEMA`.
        batches: ids of the batches to read, whose order the rows keep; where None all `current_batches`, in the order
            of their ids.
        statuses: keep only rows with one of these; all where empty.

    Raises:
        InvalidInput: the file of a batch is damaged.
    """
    chosen = sorted(current_batches(objects)) if batches is None else batches
    return load_tables(objects, columns, chosen, statuses)[0]


def load_tables(
    objects: Objects, columns: Sequence[str], batches: Iterable[str], statuses: Collection[str] = ()
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """`load_rows`, and for each of `batches` what it was compared with: nothing where its file does not say so."""
    wanted = list(dict.fromkeys([*columns, "status"] if statuses else columns))
    tables = [pa.schema([SCHEMA.field(name) for name in columns]).empty_table()]
    keys = {catalog_key(batch_id): batch_id for batch_id in batches}
    compared = {}
    for key, data in get_all(objects, keys):
        with _undamaged(key):
            file = pq.ParquetFile(io.BytesIO(data))
            compared[keys[key]] = json.loads((file.schema_arrow.metadata or {}).get(_COMPARED, b"[]"))
            table = _read_columns(file, wanted)
            if statuses:
                table = table.filter(pc.is_in(table["status"], pa.array(statuses)))
            tables.append(table.select(list(columns)))
    rows: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    pa.default_memory_pool().release_unused()  # what decoding took, as much again as the rows
    return rows, compared


_ADDED = frozenset({"failed"})
"""Columns that files written before them lack; a file that lacks another is damaged."""


def _read_columns(file: pq.ParquetFile, names: Sequence[str]) -> pa.Table:
    """Columns of a batch, null where its file was written before there was one.

    Raises:
        KeyError: it lacks another.
    """
    table = file.read(columns=names).replace_schema_metadata(None)
    for name in _ADDED.intersection(names).difference(table.column_names):
        table = table.append_column(SCHEMA.field(name), pa.nulls(len(table), SCHEMA.field(name).type))
    return table.select(list(names))
