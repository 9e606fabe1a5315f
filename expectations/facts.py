"""The facts about a batch as a whole, on which the suite `batch` is asked: one row of figures, NaN where none is."""

import pandas as pd

from expectations.duplicates import EXACT
from xray_model.evaluation.association import compare_shares, cramers_v, group_ages

LEAST_COMPARED = 30
"""Images on each side below which a batch is not said to make confounding worse: one family's films could."""

_NOTHING = float("nan")


def describe_batch(rows: pd.DataFrame, failed: dict[int, list[str]], accepted: pd.DataFrame) -> pd.DataFrame:
    """One row of facts about a batch.

    Args:
        rows: the batch's rows.
        failed: codes of the row rules that failed, by position in `rows`.
        accepted: `source`, `label` and `age` of the images accepted before.
    """
    images = len(rows)
    inverted = sum("inverted" in codes for codes in failed.values())
    # A file sent once more says nothing against the batch.
    refused = sum(bool({*codes} - {EXACT}) for codes in failed.values())
    facts = {
        "images": images,
        "refused_share": refused / images if images else 0.0,
        "inverted_share": inverted / images if images else 0.0,
    }
    if images:
        sound = rows.loc[[position not in failed for position in range(images)], ["source", "label", "age"]]
        facts |= _describe_repeats(rows) | _describe_classes(sound, accepted) | _describe_confounding(sound, accepted)
    return pd.DataFrame([{**dict.fromkeys(_FIGURES, _NOTHING), **facts}])


_FIGURES = (
    "repeats_inside_share",
    "repeats_catalog_share",
    "smallest_class",
    "moved_share",
    "moved_chance",
    "source_confounding",
    "source_confounding_rise",
    "age_confounding",
    "age_confounding_rise",
)


def _describe_repeats(rows: pd.DataFrame) -> dict[str, float]:
    """Share of images that repeat one of the batch, and one of the catalog; equal files and near duplicates alike."""
    again = rows["image_id"].duplicated()
    other = rows["duplicate_of"].notna() & (rows["duplicate_of"] != rows["image_id"])
    inside = again | (other & rows["duplicate_of"].isin(rows["image_id"]))
    return {
        "repeats_inside_share": float(inside.mean()),
        "repeats_catalog_share": float((rows["duplicate_of"].notna() & ~inside).mean()),
    }


def _describe_classes(sound: pd.DataFrame, accepted: pd.DataFrame) -> dict[str, float]:
    counts = sound["label"].value_counts()
    moved, chance = compare_shares(sound["label"], accepted["label"])
    return {
        "smallest_class": float(counts.min()) if len(counts) else _NOTHING,
        "moved_share": moved,
        "moved_chance": chance,
    }


def _describe_confounding(sound: pd.DataFrame, accepted: pd.DataFrame) -> dict[str, float]:
    """Cramér's V of class and source, and of class and age group, with the batch, and how far it raised each."""
    known = accepted[["source", "label", "age"]]
    together = pd.concat([frame for frame in (known, sound) if len(frame)] or [known], ignore_index=True)
    facts = {}
    for name, column in (("source", "source"), ("age", "age")):
        before, after = (_relate(frame, column) for frame in (known, together))
        facts[f"{name}_confounding"] = after
        compared = min(_count_own(frame, sound, column) for frame in (known, sound)) >= LEAST_COMPARED
        facts[f"{name}_confounding_rise"] = after - before if compared else _NOTHING
    return facts


def _relate(rows: pd.DataFrame, column: str) -> float:
    return cramers_v(rows["label"], group_ages(rows["age"]) if column == "age" else rows["source"])


def _count_own(rows: pd.DataFrame, batch: pd.DataFrame, column: str) -> int:
    """Images of the batch's own source that tell both: its first batch has nothing to be worse than."""
    own = rows["source"].isin(batch["source"].unique())
    return int((own & rows["label"].notna() & rows[column].notna()).sum())
