"""Flow `compare`: several ways of training on the same folds of the same patients, and their leaderboard."""

from prefect import flow

from flows.gpu import gpu_slot
from flows.shards import shard_runner
from storage.settings import Settings
from tasks.cells import train_cell
from tasks.comparing import plan_comparison, rank
from tasks.snapshot import build_snapshot
from xray_model.config import CompareOptions
from xray_model.log_ids import set_ids
from xray_model.outcomes import CompareOutcome
from xray_model.recipes import read_recipe


@flow(name="compare", log_prints=False)
def compare(options: CompareOptions) -> CompareOutcome:
    """Compare the variants of a recipe by cross-validation.

    1. Build the snapshot of the recipe's classes and sources.
    2. Share its training and validation patients out to folds; the test patients stay the gate's.
    3. Train each variant on each fold with each seed, one at a time here or as many as Dask has workers; what an
       earlier run trained is taken as it is.
    4. Rank the variants by what they answered, and write the leaderboard.

    A run of the deployment takes one of the GPU's slots.
    """
    recipe = read_recipe(options.recipe)
    snapshot = build_snapshot(recipe.snapshot)
    set_ids(snapshot=snapshot.snapshot_id)
    plan = plan_comparison(recipe, options, snapshot.snapshot_id)
    scheduler = options.dask or Settings().dask
    with gpu_slot(), shard_runner(scheduler, None if scheduler else 1) as runner:
        cells = runner.run(train_cell, [{"cell": cell} for cell in plan.cells], f"train {recipe.name}")
    return rank(plan, cells)
