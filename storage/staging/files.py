"""The files of a batch that is being read: frames under `staging/<batch_id>/`, and what was unpacked here."""

import io
import json
import shutil
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from storage.archives import BatchFiles
from storage.incoming import IncomingBatch
from storage.objects import Objects, get_all
from storage.store import Store

PREFIX = "staging/"
_ABANDONED = timedelta(days=1)


def staging_key(batch_id: str, name: str) -> str:
    """Key of one staged file."""
    return f"{PREFIX}{batch_id}/{name}"


def records_key(batch_id: str, folder: str, shard: int) -> str:
    """Key of the records of one shard: what the reader said of its images."""
    return staging_key(batch_id, f"records/{folder}/{shard:04d}.parquet")


def facts_key(batch_id: str, shard: int) -> str:
    """Key of the facts of one shard: what its pixels said. It is written last, so that a shard that has it is done."""
    return staging_key(batch_id, f"facts/{shard:04d}.parquet")


def open_batch(store: Store, batch: IncomingBatch) -> BatchFiles:
    """The files of a batch; archives that must be unpacked are unpacked once on this machine."""
    spool = store.spool / batch.batch_id
    spool.mkdir(parents=True, exist_ok=True)
    return BatchFiles(store.objects, batch.infos, batch.prefix, spool=spool)


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """A frame as Parquet; a column in which all is missing is of no type there, and so fits one of any type."""
    buffer = io.BytesIO()
    empty = frame.columns[frame.isna().all()]
    frame.assign(**dict.fromkeys(empty)).to_parquet(buffer, index=False)
    return buffer.getvalue()


def read_frame(objects: Objects, key: str) -> pd.DataFrame:
    """Read a frame; ObjectNotFound when there is none."""
    return read_frames(objects, [key])


def read_frames(objects: Objects, keys: Iterable[str]) -> pd.DataFrame:
    """Read frames and put them one below the other; ObjectNotFound when one is missing."""
    tables = [pq.read_table(io.BytesIO(data)) for _, data in get_all(objects, keys)]
    if not tables:
        return pd.DataFrame()
    return _with_none(pa.concat_tables(tables, promote_options="permissive").to_pandas(ignore_metadata=True))


def _with_none(frame: pd.DataFrame) -> pd.DataFrame:
    """Missing text is None throughout, never NaN."""
    texts = frame.select_dtypes(include=["object", "string"]).columns
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts})


def save_judged(objects: Objects, batch_id: str, rows: pd.DataFrame, compared: Collection[str]) -> None:
    """Keep the rows with their status and reasons, and the batches they were compared with, until the commit."""
    objects.put(staging_key(batch_id, "compared.json"), json.dumps(sorted(compared)).encode())
    objects.put(staging_key(batch_id, "judged.parquet"), frame_bytes(rows))


def load_judged(objects: Objects, batch_id: str) -> tuple[pd.DataFrame, list[str]]:
    """What `save_judged` kept.

    Raises:
        ObjectNotFound: there are none, or another run has committed them and cleared up.
    """
    compared: list[str] = json.loads(objects.get(staging_key(batch_id, "compared.json")))
    return read_frame(objects, staging_key(batch_id, "judged.parquet")), compared


def clear_staging(store: Store, batch_id: str) -> None:
    """Remove what a committed batch no longer needs."""
    # First, because a run that is killed in between leaves staged files, by which the next one knows of the rest.
    shutil.rmtree(store.spool / batch_id, ignore_errors=True)  # another machine may have unpacked it, or none
    for info in list(store.objects.list(f"{PREFIX}{batch_id}/")):
        store.objects.delete(info.key)


def sweep_staging(store: Store, committed: Collection[str], current: Collection[str]) -> None:
    """Remove what crashed or superseded runs left behind.

    That is the staging of committed batches, and of revisions that no longer are what lies in the landing zone and
    have not been touched for a day.
    """
    for folder in list(store.objects.list_folders(PREFIX)):
        batch_id = folder.removeprefix(PREFIX).rstrip("/")
        if batch_id not in committed and batch_id in current:
            continue
        newest = max((info.modified for info in store.objects.list(folder)), default=None)
        if batch_id in committed or newest is None or newest < datetime.now(UTC) - _ABANDONED:
            clear_staging(store, batch_id)
