"""Validation: Great Expectations decides which rows are quarantined and whether the batch is held."""

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from storage import staging
from storage.bounds import load_bounds
from storage.catalog import current_batches
from storage.decisions import load_rows_now
from storage.settings import Settings
from storage.store import open_store
from tasks.skin import stage_task
from xray_model.outcomes import BatchOutcome, BatchStatus, Refusal

if TYPE_CHECKING:
    from expectations.running import Validation


@stage_task("validate-batch")
def validate(plan: staging.BatchPlan) -> BatchOutcome:
    """Put a decoded batch together, ask the suites, and stage its rows with their status."""
    from expectations.running import check_duplicates, check_images, judge_batch

    store = open_store(Settings())
    batch = staging.load_objects(store.objects, plan.batch_id)
    known = staging.load_comparable(store, batch)
    rows = staging.assemble_rows(store, batch, plan, known.rows)
    bounds = load_bounds(store.objects)
    images = check_images(rows, bounds.bounds)
    rows = staging.mark_duplicates(rows, images.sound(len(rows)), known.rows)
    accepted = known.rows.loc[known.rows["status"] == "accepted", ["source", "label", "age"]]
    validation = judge_batch(rows, [images, check_duplicates(rows)], accepted)
    judged = judge_rows(rows, validation)
    staging.save_judged(store.objects, plan.batch_id, judged, known.batches)
    revisions = current_batches(store.objects, batch.family)
    waiting = load_rows_now(store.objects, ["status"], batches=revisions, statuses=("held",))
    return describe_outcome(plan, judged, validation, still_held=not waiting.empty, bounds_id=bounds.id)


def judge_rows(rows: pd.DataFrame, validation: "Validation") -> pd.DataFrame:
    """`rows` with `status`, `reasons` and `failed`.

    Refused images are quarantined, the others wait where the batch is held.
    """
    sound = "held" if validation.hold else "accepted"
    reasons = [validation.refusals.get(position, []) for position in range(len(rows))]
    failed = [validation.failed.get(position, []) for position in range(len(rows))]
    return rows.assign(
        failed=pd.Series(failed, index=rows.index, dtype=object),
        reasons=pd.Series(reasons, index=rows.index, dtype=object),
        status=pd.Series(["quarantined" if found else sound for found in reasons], index=rows.index, dtype=object),
    )


def describe_outcome(
    plan: staging.BatchPlan,
    judged: pd.DataFrame,
    validation: "Validation",
    *,
    still_held: bool,
    bounds_id: str | None,
) -> BatchOutcome:
    """The batch in figures and words; `still_held` says that images of earlier revisions wait for a person."""
    statuses = Counter(judged["status"])
    refusals = Counter(reason for reasons in judged["reasons"] for reason in reasons)
    sound = judged.loc[judged["status"] != "quarantined", "label"]
    hold = validation.hold
    if judged.empty and plan.images + plan.known:
        # A revision that brings nothing new is no empty batch, and settles nothing that waits.
        hold = ("It brings nothing new, and its images have been waiting since it was held.",) if still_held else ()
    return BatchOutcome(
        batch_id=plan.batch_id,
        source=plan.source,
        name=plan.name,
        status=BatchStatus.HELD if hold else BatchStatus.ACCEPTED,
        layout=plan.layout,
        reasons=hold,
        files=plan.files,
        read=len(judged),
        accepted=statuses["accepted"],
        quarantined=statuses["quarantined"],
        held=statuses["held"],
        passed_over=plan.passed_over,
        notes=plan.notes,
        labels=dict(sorted(Counter(sound).items())),
        refusals=tuple(Refusal(reason=reason, images=images) for reason, images in refusals.most_common()),
        expectations=validation.results,
        bounds_id=bounds_id,
    )
