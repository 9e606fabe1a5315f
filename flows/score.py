"""Flow `score`: a table of predictions for the images below a folder or prefix."""

from prefect import flow

from flows.shards import shard_runner
from storage.settings import Settings
from tasks import scoring as steps
from xray_model.config import ScoreOptions
from xray_model.outcomes import ScoreOutcome


@flow(name="score", log_prints=False)
def score(options: ScoreOptions) -> ScoreOutcome:
    """Answer every image below a folder or prefix; what an earlier run answered is not done again.

    1. Find the model and the images, and which of their shards have no answers yet.
    2. Answer those, a shard at a time for each worker.
    3. Write the table, and add the answers to the log of predictions.
    """
    plan = steps.plan_scoring(options)
    if plan.missing:
        store_url = Settings().store_url
        calls = [
            {"scoring": plan.scoring, "shard": shard, "images": plan.images_of(shard), "store_url": store_url}
            for shard in plan.missing
        ]
        with shard_runner(options.dask or Settings().dask, options.workers) as runner:
            runner.run(steps.score_shard, calls, "answer images, by shards")
    return steps.write_predictions(plan, options)
