"""A batch on its way into the catalog: read by its layout, decoded shard by shard, and put together.

Everything lies under `staging/<batch_id>/` until the batch is committed, so a run that was killed goes on where it
stopped, and two runs at once do the same work twice but end the same.
"""

from storage.staging.decoding import decode_shard
from storage.staging.files import clear_staging, load_judged, save_judged, sweep_staging
from storage.staging.plan import BatchPlan, load_objects, stage_batch, stage_objects
from storage.staging.rows import assemble_rows, load_comparable, mark_duplicates

__all__ = [
    "BatchPlan",
    "assemble_rows",
    "clear_staging",
    "decode_shard",
    "load_comparable",
    "load_judged",
    "load_objects",
    "mark_duplicates",
    "save_judged",
    "stage_batch",
    "stage_objects",
    "sweep_staging",
]
