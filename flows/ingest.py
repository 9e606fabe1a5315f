"""Flow `ingest`: new batches into the catalog."""

import os
from collections import deque

from prefect import flow, get_run_logger
from prefect.futures import PrefectFuture

from tasks import ingest as steps
from tasks.validation import validate
from xray_model.config import IngestOptions
from xray_model.errors import InvalidInput, ObjectNotFound, XrayError
from xray_model.outcomes import BatchOutcome, BatchStatus
from xray_model.progress import advance


@flow(name="ingest", log_prints=False)
def ingest(options: IngestOptions | None = None) -> tuple[BatchOutcome, ...]:
    """Take new batches into the catalog; a bad batch never stops the others.

    1. Find the batches that are ready and not in the catalog.
    2. For each: read its layout, decode its shards, validate its rows, commit it.
    """
    chosen = options or IngestOptions()
    return tuple(ingest_batch(batch, chosen) for batch in steps.find_batches(chosen))


def ingest_batch(batch: steps.ReadyBatch, options: IngestOptions) -> BatchOutcome:
    """Take one batch through all steps, and say what became of it whatever happens."""
    logger = get_run_logger()
    try:
        return _read_or_refuse(batch, options)
    except Exception as error:
        logger.exception("batch %s failed; it is tried again by the next run", batch.batch_id)
        # The message of an unforeseen error may hold anything, names of patients included.
        what = str(error) if isinstance(error, XrayError) else f"An unforeseen {type(error).__name__}"
        reason = f"It failed and is tried again by the next run; the log has the details. {what}"
        return _outcome(batch, BatchStatus.FAILED, reason)


def _read_or_refuse(batch: steps.ReadyBatch, options: IngestOptions) -> BatchOutcome:
    try:
        return _read_and_commit(batch, options)
    except InvalidInput as error:
        get_run_logger().warning("batch %s is refused: %s", batch.batch_id, error)
        refused = _outcome(batch, BatchStatus.REFUSED, str(error))
        # A batch that cannot be read again keeps what was read before.
        return refused if options.again else steps.commit_batch(refused)
    except ObjectNotFound:
        # Another run may have committed this batch while we worked on it, and cleared up behind itself.
        elsewhere = steps.committed_outcome(batch.batch_id)
        if elsewhere is None:
            raise
        return elsewhere


def _read_and_commit(batch: steps.ReadyBatch, options: IngestOptions) -> BatchOutcome:
    plan = steps.read_layout(batch.batch_id, options.layout, options.shard_size)
    in_flight: deque[PrefectFuture[int]] = deque()
    # One more than the cores, so that they have work while a shard is written.
    workers = options.workers or (os.cpu_count() or 1) + 1
    try:
        for shard in range(plan.shards):
            if len(in_flight) >= workers:
                in_flight.popleft().result()
            in_flight.append(steps.decode_shard.submit(plan, shard))
            advance(f"read {batch.source} / {batch.name}", shard + 1 - len(in_flight), plan.shards)
        for left, future in zip(range(len(in_flight) - 1, -1, -1), in_flight, strict=True):
            future.result()
            advance(f"read {batch.source} / {batch.name}", plan.shards - left, plan.shards)
    finally:
        for future in in_flight:
            future.wait()  # a shard that still runs would stage its facts again after the clearing up
    return steps.commit_batch(validate(plan))


def _outcome(batch: steps.ReadyBatch, status: BatchStatus, reason: str) -> BatchOutcome:
    return BatchOutcome(batch_id=batch.batch_id, source=batch.source, name=batch.name, status=status, reasons=(reason,))
