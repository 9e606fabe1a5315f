"""A frame as it came, made fit to compare: types settled, what is missing called missing, and told of."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xray_model.evaluation.drift.columns import EMBEDDING, list_columns

UNKNOWN = "unknown"
LARGEST = 1e12
"""A larger number is a fault of who wrote it; no histogram could be drawn of it."""
ANSWERS = frozenset({"label", "predicted"})
"""Categories that are compared among the images that have one: a finding may come later, a prediction is not asked."""


def clean_frame(frame: pd.DataFrame, classes: Sequence[str], whose: str) -> tuple[pd.DataFrame, list[str]]:
    """A frame in the order of its image ids, which does not depend on how the rows came, and notes on it.

    Args:
        frame: as `build_frame` makes it; a missing column stays missing.
        classes: of the model.
        whose: "new images" or "reference", for the notes.
    """
    clean = pd.DataFrame(index=range(len(frame)))
    notes = []
    clean["image_id"] = _read_words(frame, "image_id", [f"row {place}" for place in range(len(frame))])
    for name, instead, meaning in (
        ("patient_id", list(clean["image_id"]), "each image counts as a patient"),
        ("source", [UNKNOWN] * len(frame), "all count as one source"),
    ):
        clean[name] = _read_words(frame, name, instead)
        if name not in frame and len(frame):
            notes.append(f"No {name} is recorded for the {whose}: {meaning}.")
    for column in list_columns(classes):
        if column.name == "source" or column.name not in frame:
            continue
        if column.kind == "category":
            missing = None if column.name in ANSWERS else UNKNOWN
            known = frame[column.name].notna().any()
            clean[column.name] = _read_words(frame, column.name, [missing if known else None] * len(frame))
        else:
            clean[column.name], bad = _read_numbers(frame[column.name])
            if bad:
                notes.append(f"{bad} of the {whose} have no usable number for {column.word} and are left out of it.")
    if "age" in clean:
        clean["age_recorded"] = np.where(clean["age"].notna(), "yes", "no")
    for name in EMBEDDING:
        if name in frame:
            clean[name] = _read_numbers(frame[name])[0]
    return clean.sort_values("image_id", kind="stable").reset_index(drop=True), notes


def find_embedding(frame: pd.DataFrame) -> list[str]:
    """The axes of the embedding that a clean frame has."""
    return [name for name in EMBEDDING if name in frame]


def _read_words(frame: pd.DataFrame, name: str, instead: Sequence[str | None]) -> pd.Series:
    """Strings (dtype object), with another value where there is none."""
    values = frame[name].to_numpy(dtype=object) if name in frame else np.full(len(frame), None, object)
    words = [other if pd.isna(value) else str(value) for value, other in zip(values, instead, strict=True)]
    return pd.Series(words, dtype=object)


def _read_numbers(values: pd.Series) -> tuple[pd.Series, int]:
    """Float64 with NaN for what is no number that can be, and how many values were there and are none."""
    there = values.notna().to_numpy()
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    sound = np.abs(numbers) <= LARGEST
    return pd.Series(np.where(sound, numbers, np.nan)), int((there & ~sound).sum())
