"""What moved columns mean for the night: nothing, a watchful eye, or a retraining."""

from collections.abc import Sequence

from xray_model.config import DriftPolicy
from xray_model.outcomes import ColumnDrift, DriftOutcome, DriftState

_NAMED = 4


def decide_drift(
    columns: Sequence[ColumnDrift], images: int, reference_images: int, policy: DriftPolicy
) -> DriftOutcome:
    """Judge the drift of `images` new images against `reference_images` of the champion's.

    Too few images, or no column that could be compared, is `unknown`: never a silent pass.
    """
    if images < policy.minimum_images:
        reason = f"{images} new images are too few to tell drift from chance ({policy.minimum_images} are needed)."
        return DriftOutcome(
            state=DriftState.UNKNOWN, reasons=(reason,), images=images, reference_images=reference_images
        )
    if not columns:
        reason = "No column holds enough values in both the new images and the reference."
        return DriftOutcome(
            state=DriftState.UNKNOWN, reasons=(reason,), images=images, reference_images=reference_images
        )
    moved = sorted((column for column in columns if column.moved), key=lambda column: -column.score / column.threshold)
    share = len(moved) / len(columns)
    state = DriftState.OK
    if share >= policy.retrain_share:
        state = DriftState.RETRAIN
    elif share >= policy.watch_share:
        state = DriftState.WATCH
    named = ", ".join(column.column for column in moved[:_NAMED])
    summary = f"{len(moved)} of {len(columns)} columns moved" + (f": {named}." if named else ".")
    details = [f"{column.column}: {column.current} now, {column.reference} before." for column in moved[:_NAMED]]
    return DriftOutcome(
        state=state,
        reasons=(summary, *details),
        images=images,
        reference_images=reference_images,
        columns=tuple(columns),
    )
