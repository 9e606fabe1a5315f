"""Ingest: new batches from the landing zone to decoded, staged rows."""

from datetime import timedelta

import pandas as pd
from pydantic import BaseModel, ConfigDict

from storage import catalog, staging
from storage.incoming import choose_batches, list_ready
from storage.settings import Settings
from storage.store import open_store, open_store_of
from tasks.skin import stage_task
from xray_model.config import IngestOptions
from xray_model.errors import ObjectNotFound
from xray_model.outcomes import BatchOutcome, BatchStatus


class ReadyBatch(BaseModel):
    """A batch that may be read and is not in the catalog yet, or is to be read again."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    source: str
    name: str


@stage_task("find-batches")
def find_batches(options: IngestOptions) -> list[ReadyBatch]:
    """List the batches that are to be read, and clear up behind crashed runs.

    They are the ready ones whose present revision the catalog does not hold; with `again` the named ones, whatever
    the catalog holds of them.

    Raises:
        InvalidInput: a batch was named that is not in the landing zone.
    """
    settings = Settings()
    store = open_store(settings)
    committed = set(catalog.batch_ids(store.objects))
    ready = list_ready(store.objects, timedelta(minutes=settings.settle_minutes), options.sources)
    chosen = choose_batches(ready, committed, options.batches, again=options.again)
    for batch in chosen:
        staging.stage_objects(store.objects, batch)
    staging.sweep_staging(store, committed, {batch.batch_id for batch in [*ready, *chosen]})
    return [ReadyBatch(batch_id=batch.batch_id, source=batch.source, name=batch.name) for batch in chosen]


@stage_task("read-layout")
def read_layout(batch_id: str, layout: str | None, shard_size: int) -> staging.BatchPlan:
    """Read one batch's tables and sidecars; InvalidInput where it follows no layout."""
    store = open_store(Settings())
    return staging.stage_batch(store, staging.load_objects(store.objects, batch_id), layout, shard_size)


@stage_task("decode-shard")
def decode_shard(plan: staging.BatchPlan, shard: int, store_url: str) -> int:
    """Decode one shard; returns how many images were decoded now.

    Raises:
        ConfigurationError: it runs on a machine whose store is another than the flow's.
    """
    return staging.decode_shard(open_store_of(Settings(), store_url), plan, shard)


@stage_task("look-up-batch")
def committed_outcome(batch_id: str) -> BatchOutcome | None:
    """What another run made of a batch in the meantime; None where the catalog does not hold it.

    What this run staged after the other one had cleared up is removed.
    """
    store = open_store(Settings())
    try:
        outcome = catalog.load_outcome(store.objects, batch_id)
    except ObjectNotFound:
        return None
    staging.clear_staging(store, batch_id)
    return outcome


@stage_task("commit-batch")
def commit_batch(outcome: BatchOutcome) -> BatchOutcome:
    """Commit a batch's staged rows, or none for a refused one; what another run committed first stands."""
    store = open_store(Settings())
    objects = store.objects
    refused = outcome.status is BatchStatus.REFUSED
    rows, compared = (pd.DataFrame(), []) if refused else staging.load_judged(objects, outcome.batch_id)
    if not catalog.commit_batch(objects, rows, outcome, compared):
        outcome = catalog.load_outcome(objects, outcome.batch_id)
    staging.clear_staging(store, outcome.batch_id)
    return outcome
