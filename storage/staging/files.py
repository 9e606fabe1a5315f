"""The files of a batch that is being read: frames under `staging/<batch_id>/`, and what was unpacked here."""

import io
import shutil
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pandas as pd

from storage.archives import BatchFiles
from storage.incoming import IncomingBatch
from storage.objects import Objects
from storage.store import Store

PREFIX = "staging/"
_ABANDONED = timedelta(days=1)


def staging_key(batch_id: str, name: str) -> str:
    """Key of one staged file."""
    return f"{PREFIX}{batch_id}/{name}"


def open_batch(store: Store, batch: IncomingBatch) -> BatchFiles:
    """The files of a batch; archives that must be unpacked are unpacked once on this machine."""
    spool = store.spool / batch.batch_id
    spool.mkdir(parents=True, exist_ok=True)
    return BatchFiles(store.objects, batch.infos, batch.prefix, spool=spool)


def create_frame(objects: Objects, key: str, frame: pd.DataFrame) -> None:
    """Write a frame unless it is there."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    objects.create(key, buffer.getvalue())


def read_frame(objects: Objects, key: str) -> pd.DataFrame:
    """Read a frame; ObjectNotFound when there is none."""
    frame = pd.read_parquet(io.BytesIO(objects.get(key)))
    texts = frame.select_dtypes(include=["object", "string"]).columns
    # Missing text is None throughout, never NaN.
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts})


def save_judged(objects: Objects, batch_id: str, rows: pd.DataFrame) -> None:
    """Keep the rows with their status and reasons until they are committed."""
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    objects.put(staging_key(batch_id, "judged.parquet"), buffer.getvalue())


def load_judged(objects: Objects, batch_id: str) -> pd.DataFrame:
    """The rows that `save_judged` kept.

    Raises:
        ObjectNotFound: there are none, or another run has committed them and cleared up.
    """
    return read_frame(objects, staging_key(batch_id, "judged.parquet"))


def clear_staging(store: Store, batch_id: str) -> None:
    """Remove what a committed batch no longer needs."""
    for info in list(store.objects.list(f"{PREFIX}{batch_id}/")):
        store.objects.delete(info.key)
    shutil.rmtree(store.spool / batch_id, ignore_errors=True)  # another machine may have unpacked it, or none


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
