"""Flow `ingest`: new batches into the catalog."""

from prefect import flow, get_run_logger

from flows.shards import ShardRunner, shard_runner
from storage.settings import Settings
from storage.staging import BatchPlan
from tasks import ingest as steps
from tasks.events import announce_hold
from tasks.validation import validate
from xray_model.config import IngestOptions
from xray_model.errors import InvalidInput, ObjectNotFound, XrayError
from xray_model.log_ids import bind_ids
from xray_model.outcomes import BatchOutcome, BatchStatus


@flow(name="ingest", log_prints=False)
def ingest(options: IngestOptions | None = None) -> tuple[BatchOutcome, ...]:
    """Take new batches into the catalog; a bad batch never stops the others.

    1. Find the batches that are ready and not in the catalog.
    2. For each: read its layout, decode its shards, validate its rows, commit it.
    """
    chosen = options or IngestOptions()
    batches = steps.find_batches(chosen)
    if not batches:
        return ()
    with shard_runner(chosen.dask or Settings().dask, chosen.workers) as runner:
        return tuple(ingest_batch(batch, chosen, runner) for batch in batches)


def ingest_batch(batch: steps.ReadyBatch, options: IngestOptions, runner: ShardRunner) -> BatchOutcome:
    """Take one batch through all steps, and say what became of it whatever happens."""
    with bind_ids(batch=batch.batch_id):
        try:
            return _take_in(batch, options, runner)
        except Exception as error:  # noqa: BLE001 - it is logged and reported
            get_run_logger().exception("batch %s failed; it is tried again by the next run", batch.batch_id)
            # The message of an unforeseen error may hold anything, names of patients included.
            what = str(error) if isinstance(error, XrayError) else f"An unforeseen {type(error).__name__}"
            reason = f"It failed and is tried again by the next run; the log has the details. {what}"
            return _outcome(batch, BatchStatus.FAILED, reason)


def _take_in(batch: steps.ReadyBatch, options: IngestOptions, runner: ShardRunner) -> BatchOutcome:
    try:
        return _read_or_refuse(batch, options, runner)
    except ObjectNotFound:
        # Another run may have committed this batch while we worked on it, and cleared up behind itself.
        elsewhere = steps.committed_outcome(batch.batch_id)
        if elsewhere is None:
            raise
        return elsewhere


def _read_or_refuse(batch: steps.ReadyBatch, options: IngestOptions, runner: ShardRunner) -> BatchOutcome:
    try:
        plan = _read(batch, options, runner)
    except InvalidInput as error:
        get_run_logger().warning("batch %s is refused: %s", batch.batch_id, error)
        refused = _outcome(batch, BatchStatus.REFUSED, str(error))
        # A batch that cannot be read again keeps what was read before.
        return refused if options.again else steps.commit_batch(refused)
    # What is wrong with the store from here on (a damaged decision, say) is no fault of the batch.
    committed = steps.commit_batch(validate(plan))
    if committed.status is BatchStatus.HELD:
        announce_hold(committed)
    return committed


def _read(batch: steps.ReadyBatch, options: IngestOptions, runner: ShardRunner) -> BatchPlan:
    plan = steps.read_layout(batch.batch_id, options.layout, options.shard_size)
    shards = [{"plan": plan, "shard": shard, "store_url": Settings().store_url} for shard in range(plan.shards)]
    runner.run(steps.decode_shard, shards, f"read {batch.source} / {batch.name}")
    return plan


def _outcome(batch: steps.ReadyBatch, status: BatchStatus, reason: str) -> BatchOutcome:
    return BatchOutcome(batch_id=batch.batch_id, source=batch.source, name=batch.name, status=status, reasons=(reason,))
