"""The rows of a decoded batch: patients, splits, and which image repeats another."""

import numpy as np
import pandas as pd

from storage.catalog import current_batches
from storage.decisions import load_rows_now
from storage.incoming import IncomingBatch
from storage.known import KnownRows, load_known
from storage.staging.files import facts_key, read_frames, records_key
from storage.staging.plan import RECORD_COLUMNS, SETTLED, BatchPlan
from storage.store import Store
from xray_model.data.identity import assign_patients, find_contradictions, find_duplicates
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.data.splits import assign_split

_FACTS = ("image_id", "unreadable", "width", "height", "bits", "mode", "window_path", "inverted", "phash")
_STAGED_ONLY = ("name", "display", "unreadable")
"""Columns of a staged record that no row has, or that the facts tell better."""
_COLUMNS = (*(name for name in RECORD_COLUMNS if name not in _STAGED_ONLY), *_FACTS, *QUALITY_FIGURES, "shard", "row")
_KNOWN = ("image_id", "phash", "patient_id", "split", "label", "status", "source", "age")


def load_comparable(store: Store, batch: IncomingBatch) -> KnownRows:
    """The rows that a batch's images are compared with; a batch that is read again is not compared with itself."""
    return load_known(store.objects, _KNOWN, ("accepted", "held"), without=batch.family if batch.attempt else "")


def assemble_rows(store: Store, batch: IncomingBatch, plan: BatchPlan, known: pd.DataFrame) -> pd.DataFrame:
    """The rows of a decoded batch with patients and splits, before any expectation was asked.

    A file sent again with the same bytes, which an earlier revision of the batch brought, makes no row.

    Args:
        store: where the batch is staged.
        batch: the batch.
        plan: what `stage_batch` made of it.
        known: rows of `load_comparable`.

    Raises:
        ObjectNotFound: a shard is not decoded yet, or another run has committed the batch and cleared up.
    """
    shards = range(plan.shards)
    records = read_frames(store.objects, [records_key(plan.batch_id, plan.records, shard) for shard in shards])
    facts = read_frames(store.objects, [facts_key(plan.batch_id, shard) for shard in shards])
    rows = pd.concat([records.drop(columns=[*_STAGED_ONLY], errors="ignore"), facts], axis=1)
    # What no image of the batch has is a column all the same, also where a revision brings no image.
    rows = rows.reindex(columns=[*dict.fromkeys([*rows.columns, *_COLUMNS])])
    rows = rows.assign(batch_id=plan.batch_id, source=plan.source, revision=plan.revision)
    revisions = [] if batch.attempt else current_batches(store.objects, batch.family)
    sent = load_rows_now(store.objects, ["key", "image_id"], batches=revisions, statuses=SETTLED)
    before = set(zip(sent["key"], sent["image_id"], strict=True))
    new = np.array([pair not in before for pair in zip(rows["key"], rows["image_id"], strict=True)], dtype=bool)
    rows = rows.loc[new].reset_index(drop=True)
    patients = assign_patients(rows, known, store.salt)
    return rows.assign(patient_id=patients, split=[assign_split(patient, store.shares) for patient in patients])


def mark_duplicates(rows: pd.DataFrame, sound: list[bool], known: pd.DataFrame) -> pd.DataFrame:
    """`rows` with `duplicate_of` and `duplicate_kind`.

    Only sound rows are compared, and only with accepted ones: what is refused for another reason takes no sound image
    with it, and a held batch can be sent again corrected.

    Args:
        rows: as `assemble_rows` gives them.
        sound: which of them no other expectation refuses.
        known: rows of `load_comparable`.
    """
    accepted = known[known["status"] == "accepted"]
    candidates = rows.loc[np.array(sound, dtype=bool)]
    found = find_duplicates(candidates, accepted)
    found.loc[find_contradictions(candidates, accepted), "duplicate_kind"] = "contradiction"
    return rows.join(found.reindex(rows.index))
