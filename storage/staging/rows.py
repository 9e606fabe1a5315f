"""The rows of a decoded batch: patients, splits, and which image repeats another."""

import numpy as np
import pandas as pd

from storage.catalog import batch_ids, load_rows
from storage.incoming import IncomingBatch
from storage.staging.files import read_frame, staging_key
from storage.staging.plan import BatchPlan
from storage.store import Store
from xray_model.data.identity import assign_patients, find_contradictions, find_duplicates
from xray_model.data.splits import assign_split

_FACTS = ("image_id", "unreadable", "width", "height", "bits", "mode", "window_path", "inverted", "phash")


def assemble_rows(store: Store, batch: IncomingBatch, plan: BatchPlan) -> pd.DataFrame:
    """The rows of a decoded batch with patients and splits, before any expectation was asked.

    A file sent again with the same bytes, which an earlier revision of the batch brought, makes no row.

    Raises:
        ObjectNotFound: a shard is not decoded yet, or another run has committed the batch and cleared up.
    """
    records = read_frame(store.objects, staging_key(plan.batch_id, "records.parquet"))
    parts = [
        read_frame(store.objects, staging_key(plan.batch_id, f"{shard:04d}.parquet")) for shard in range(plan.shards)
    ]
    facts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    rows = pd.concat([records.drop(columns=["name", "display", "unreadable"]), facts], axis=1)
    rows = rows.reindex(columns=[*dict.fromkeys([*rows.columns, *_FACTS, "shard", "row"])])
    rows = rows.assign(batch_id=plan.batch_id, source=plan.source, revision=plan.revision)
    sent = load_rows(
        store.objects,
        ["key", "image_id"],
        batches=batch_ids(store.objects, batch.family),
        statuses=("accepted", "held"),
    )
    before = set(zip(sent["key"], sent["image_id"], strict=True))
    new = np.array([pair not in before for pair in zip(rows["key"], rows["image_id"], strict=True)], dtype=bool)
    rows = rows.loc[new].reset_index(drop=True)
    known = load_rows(store.objects, ["image_id", "phash", "patient_id"], statuses=("accepted", "held"))
    patients = assign_patients(rows, known, store.salt)
    return rows.assign(patient_id=patients, split=[assign_split(patient, store.shares) for patient in patients])


def mark_duplicates(store: Store, rows: pd.DataFrame, sound: list[bool]) -> pd.DataFrame:
    """`rows` with `duplicate_of` and `duplicate_kind`.

    Only sound rows are compared, and only with accepted ones: what is refused for another reason takes no sound image
    with it, and a held batch can be sent again corrected.

    Args:
        store: where the catalog is.
        rows: as `assemble_rows` gives them.
        sound: which of them no other expectation refuses.
    """
    known = load_rows(store.objects, ["image_id", "phash", "split", "label"], statuses=("accepted",))
    candidates = rows.loc[np.array(sound, dtype=bool)]
    found = find_duplicates(candidates, known)
    contradicting = find_contradictions(candidates, known)
    found.loc[contradicting, "duplicate_kind"] = "contradiction"
    return rows.join(found.reindex(rows.index))
