"""Snapshots: the exact rows a model saw, named by their content."""

import hashlib
import io

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.catalog import QUALITY_COLUMNS, batches_by_age, load_rows
from storage.objects import Objects
from xray_model.config import SnapshotOptions
from xray_model.data.identity import find_leaks, patients_in_two_splits
from xray_model.data.splits import SPLITS
from xray_model.errors import LeakFound
from xray_model.outcomes import SnapshotOutcome

COLUMNS = (
    "image_id",
    "batch_id",
    "shard",
    "row",
    "source",
    "patient_id",
    "label",
    "split",
    "view",
    "sex",
    "age",
    "manufacturer",
    "phash",
    *QUALITY_COLUMNS,
)


def snapshot_key(snapshot_id: str) -> str:
    """Key of a snapshot's rows."""
    return f"snapshots/{snapshot_id}.parquet"


def build_snapshot(objects: Objects, options: SnapshotOptions) -> SnapshotOutcome:
    """Write the accepted rows that `options` select, if they are not written yet, and say what they are.

    Raises:
        LeakFound: a patient stands in two splits.
    """
    rows = load_rows(objects, [*COLUMNS, "key", "revision"], batches=batches_by_age(objects), statuses=("accepted",))
    excluded: dict[str, int] = {}

    def keep(mask: "pd.Series[bool] | npt.NDArray[np.bool_]", reason: str) -> None:
        nonlocal rows
        if not mask.all():
            excluded[reason] = int((~mask).sum())
            rows = rows[mask]

    newest = rows.sort_values("revision", kind="stable").drop_duplicates("key", keep="last").index
    keep(rows.index.isin(newest), "replaced by a file sent later")
    if options.sources:
        keep(rows["source"].isin(options.sources), "from a source that was not asked for")
    keep(rows["label"].isin(options.classes), "of a finding that was not asked for")
    keep(~find_leaks(rows), "like an image in another split (found late)")
    leaking = patients_in_two_splits(rows)
    if leaking:
        raise LeakFound(
            f"{len(leaking)} patients stand in more than one split, the first is {leaking[0]}: the split shares or the "
            "salt must have changed. Nothing was trained; restore the store's first settings and ingest again."
        )
    rows = rows[list(COLUMNS)].sort_values("image_id").reset_index(drop=True)
    snapshot_id = _content_hash(rows)
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False, compression="zstd")
    objects.create(snapshot_key(snapshot_id), buffer.getvalue())
    return SnapshotOutcome(
        snapshot_id=snapshot_id,
        counts={
            split: {
                label: int(((rows["split"] == split) & (rows["label"] == label)).sum()) for label in options.classes
            }
            for split in SPLITS
        },
        patients={split: int(rows.loc[rows["split"] == split, "patient_id"].nunique()) for split in SPLITS},
        excluded=excluded,
    )


def load_snapshot(objects: Objects, snapshot_id: str, split: str | None = None) -> pd.DataFrame:
    """Rows of a snapshot (`COLUMNS`), of one split or of all.

    Raises:
        ObjectNotFound: there is no such snapshot.
    """
    rows = pd.read_parquet(io.BytesIO(objects.get(snapshot_key(snapshot_id))))
    return rows if split is None else rows[rows["split"] == split].reset_index(drop=True)


def _content_hash(rows: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for values in rows[["image_id", "patient_id", "label", "split"]].itertuples(index=False, name=None):
        digest.update("\0".join(values).encode() + b"\n")
    return digest.hexdigest()[:16]
