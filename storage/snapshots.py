"""Snapshots: the exact rows a model saw, named by their content."""

import hashlib
import io
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from storage.catalog import current_batches
from storage.decisions import DECIDED, WAS_QUARANTINED, load_tables_now
from storage.known import newest_rows
from storage.objects import Objects
from xray_model.config import SnapshotOptions
from xray_model.data.identity import find_duplicates, find_leaks, patients_in_two_splits
from xray_model.data.quality import QUALITY_FIGURES
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
    *QUALITY_FIGURES,
)


REPLACED = "replaced by a file sent later"
OTHER_SOURCE = "from a source that was not asked for"
OTHER_FINDING = "of a finding that was not asked for"

_ROWS_AT_ONCE = 100_000
_FOUND_LATE = "like an image in another split (found late)"
_RELEASED_TWIN = "like an image in another split (released by a person all the same)"
_COMPARED = ["image_id", "batch_id", "phash", "split"]


def snapshot_key(snapshot_id: str) -> str:
    """Key of a snapshot's rows."""
    return f"snapshots/{snapshot_id}.parquet"


def build_snapshot(objects: Objects, options: SnapshotOptions) -> SnapshotOutcome:
    """Write the accepted rows that `options` select, if they are not written yet, and say what they are.

    Raises:
        LeakFound: a patient stands in two splits.
    """
    rows, outcome = gather_snapshot(objects, options)
    save_snapshot(objects, rows, outcome.snapshot_id)
    return outcome


def gather_snapshot(objects: Objects, options: SnapshotOptions) -> tuple[pd.DataFrame, SnapshotOutcome]:
    """The accepted rows that `options` select (`COLUMNS`), and what they are; nothing is written.

    Accepted is what the suites accepted and no person rejected, and what a person released.

    Raises:
        LeakFound: a patient stands in two splits.
    """
    wanted = [*COLUMNS, "key", "revision", "status"]
    rows, compared = load_tables_now(objects, wanted, current_batches(objects))
    newest = newest_rows(rows)
    accepted = rows["status"] == "accepted"
    rows = rows[[*COLUMNS, DECIDED, WAS_QUARANTINED]][accepted]
    rows, excluded = select_rows(rows, newest[accepted], options.classes, options.sources)

    def keep(mask: "pd.Series[bool] | npt.NDArray[np.bool_]", reason: str) -> None:
        nonlocal rows
        if not mask.all():
            excluded[reason] = excluded.get(reason, 0) + int((~mask).sum())
            rows = rows[mask]

    leaves = _find_leaks(rows, compared)
    keep(~(leaves & rows[DECIDED].isna()), _FOUND_LATE)
    keep(~leaves[rows.index], _RELEASED_TWIN)
    if rows[WAS_QUARANTINED].any():
        keep(~_repeats(rows), _RELEASED_TWIN)
    _check_patients(rows)
    rows = rows.drop(columns=[DECIDED, WAS_QUARANTINED]).sort_values("image_id", ignore_index=True)
    counts = rows.groupby(["split", "label"]).size()
    patients = rows[["split", "patient_id"]].drop_duplicates()["split"].value_counts()
    outcome = SnapshotOutcome(
        snapshot_id=_content_hash(rows),
        counts={split: {label: int(counts.get((split, label), 0)) for label in options.classes} for split in SPLITS},
        patients={split: int(patients.get(split, 0)) for split in SPLITS},
        excluded=excluded,
    )
    return rows, outcome


def save_snapshot(objects: Objects, rows: pd.DataFrame, snapshot_id: str) -> None:
    """Write the rows of a snapshot, if they are not written yet."""
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False, compression="zstd")
    objects.create(snapshot_key(snapshot_id), buffer.getvalue())


def select_rows(
    rows: pd.DataFrame, newest: "pd.Series[bool]", classes: Collection[str], sources: Collection[str] = ()
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Of rows that may train those that a model is trained on, and how many are left out, by reason.

    Args:
        rows: `source` and `label` at least.
        newest: the same rows' `newest_rows`, among all rows of their files.
        classes: findings that the model tells apart.
        sources: those whose images it learns from; all where empty.
    """
    asked = rows["source"].isin(sources) if sources else pd.Series(data=True, index=rows.index)
    excluded: dict[str, int] = {}
    left = pd.Series(data=True, index=rows.index)
    for reason, mask in ((REPLACED, newest), (OTHER_SOURCE, asked), (OTHER_FINDING, rows["label"].isin(classes))):
        lost = int((left & ~mask).sum())
        excluded |= {reason: lost} if lost else {}
        left &= mask
    return rows[left], excluded


def load_snapshot(objects: Objects, snapshot_id: str, split: str | None = None) -> pd.DataFrame:
    """Rows of a snapshot (`COLUMNS`), of one split or of all.

    Raises:
        ObjectNotFound: there is no such snapshot.
    """
    rows = pd.read_parquet(io.BytesIO(objects.get(snapshot_key(snapshot_id))))
    return rows if split is None else rows[rows["split"] == split].reset_index(drop=True)


def _find_leaks(rows: pd.DataFrame, compared: Mapping[str, Collection[str]]) -> "pd.Series[bool]":
    """`find_leaks`, where sound rows that a person decided on stand last, as a batch of their own.

    Such a batch was compared with what its rows' batch was; no other was compared with it, for it was out at the time.
    Rows that were quarantined are left to `_repeats`.
    """
    undecided = rows[DECIDED].isna()
    if undecided.all():
        return find_leaks(rows[_COMPARED], compared)
    late = rows.loc[~undecided & ~rows[WAS_QUARANTINED], [*_COMPARED, DECIDED]].sort_values(DECIDED, kind="stable")
    own = {batch_id: f"{batch_id} decided" for batch_id in late["batch_id"].unique()}
    known = {**compared, **{own[batch_id]: [*compared.get(batch_id, ()), batch_id] for batch_id in own}}
    late = late.assign(batch_id=late["batch_id"].map(own))[_COMPARED]
    return find_leaks(pd.concat([rows.loc[undecided, _COMPARED], late]), known).reindex(rows.index, fill_value=False)


def _repeats(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows that were quarantined and released must leave: their picture stands in another split, or there twice.

    They were compared with no other image, so they are now with all, and among each other in the order of decisions.
    """
    released = rows.loc[rows[WAS_QUARANTINED], [*_COMPARED, DECIDED]].sort_values(DECIDED, kind="stable")
    kinds = find_duplicates(released, rows.loc[~rows[WAS_QUARANTINED], _COMPARED])["duplicate_kind"]
    return kinds.isin(["exact", "leak"]).reindex(rows.index, fill_value=False)


def _check_patients(rows: pd.DataFrame) -> None:
    if rows[["patient_id", "split"]].isna().to_numpy().any():
        raise LeakFound(
            "an accepted image has no patient or no split, so that nobody can say on which side it belongs: its batch "
            "was not written by this pipeline. Nothing was trained; ingest the batch again."
        )
    leaking = patients_in_two_splits(rows)
    if leaking:
        raise LeakFound(
            f"{len(leaking)} patients stand in more than one split, the first is {leaking[0]}: the split shares or the "
            "salt must have changed. Nothing was trained; restore the store's first settings and ingest again."
        )


def _content_hash(rows: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows.iloc[start : start + _ROWS_AT_ONCE]
        fields = [pa.array(some[name], pa.string()) for name in ("image_id", "patient_id", "label", "split")]
        lines = pc.binary_join_element_wise(*fields, "\0").to_pylist()
        digest.update(("\n".join(lines) + "\n").encode())
    return digest.hexdigest()[:16]
