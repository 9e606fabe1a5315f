"""What new images share with those that the champion knows: a comparison with itself would say nothing."""

from collections.abc import Collection, Sequence

import pandas as pd

from xray_model.evaluation.drift.columns import EMBEDDING


def forget_learned(frame: pd.DataFrame, learned: Collection[str], classes: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """A frame without what the model answers and sees of images that it has learned from, and how many they are.

    It is surer of them, and sees them otherwise than any new image.

    Args:
        frame: as `build_frame` makes it.
        learned: ids of the images that the model was trained on.
        classes: of the model.
    """
    known = frame["image_id"].isin(learned)
    answers = [*(f"p_{label}" for label in classes), "predicted", "uncertainty", *EMBEDDING]
    blanked = {name: frame[name].mask(known) for name in answers if name in frame}
    return frame.assign(**blanked), int(known.sum())


def part_from(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The reference without the images that are compared with it, and how many they are."""
    shared = reference["image_id"].isin(current["image_id"])
    return reference[~shared].reset_index(drop=True), int(shared.sum())
