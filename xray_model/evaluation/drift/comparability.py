"""Which columns both samples hold enough of; the others are told of, never passed over."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from xray_model.evaluation.drift.cleaning import ANSWERS, UNKNOWN, find_embedding
from xray_model.evaluation.drift.columns import RECORDED, FrameColumn, list_columns, name_record
from xray_model.evaluation.drift.sampling import Samples
from xray_model.outcomes import DriftFamily

_MOST_CATEGORIES = 20
OTHER = "other"
_NOTABLE = 0.05
_SCARCE = 4
"""Times as frequent among the new values as among the known ones is a source that cannot be put beside itself."""


def mark_lost(samples: Samples, classes: Sequence[str]) -> tuple[Samples, tuple[FrameColumn, ...]]:
    """The samples with what new images lack and known ones of their sources hold made a value, and columns for it.

    Of a category that is the value `unknown`. Of a number it is a column of its own, where a larger part of the new
    images lacks it. Findings may come later and answers are not asked of every image: they may be missing.
    """
    current, reference = samples.current.copy(), samples.reference.copy()
    records, untold = [], []
    for column in list_columns(classes):
        if column.name in ANSWERS or column.family is DriftFamily.PREDICTION or column.name not in reference:
            continue
        known = reference[column.name].notna()
        new = current[column.name].notna() if column.name in current else pd.Series(False, current.index)
        if not samples.by_source:
            untold += [column.word] if new.mean() < known.mean() - _NOTABLE else []
        elif column.kind == "category":
            if known.any() and not new.any():
                current[column.name] = UNKNOWN
        elif new.mean() < known.mean() and f"{column.name}{RECORDED}" not in reference:
            records.append(name_record(column))
            for frame, there in ((current, new), (reference, known)):
                frame[records[-1].name] = there.map({True: "yes", False: "no"}).astype(object)
    if untold:
        note = f"Missing more often than in the reference, whose sources are others: {', '.join(untold)}."
        return replace(samples, notes=(*samples.notes, note)), ()
    return replace(samples, current=current, reference=reference), tuple(records)


def level_sources(samples: Samples, columns: Sequence[FrameColumn]) -> Samples:
    """The samples without values of sources that cannot be put beside themselves in a column, each told of.

    Were they kept, the shares of the sources would be compared, and not what is known of their images.
    """
    sources = samples.current["source"].unique()
    if not samples.by_source or len(sources) == 1:
        return samples
    current, reference = samples.current.copy(), samples.reference.copy()
    told: defaultdict[str, list[str]] = defaultdict(list)
    words = {column.name: column.word for column in columns}
    words |= dict.fromkeys(find_embedding(samples.pooled), "what the model sees")
    for name, word in words.items():
        if name not in current or name not in reference:
            continue
        new, known = (frame[name].notna().groupby(frame["source"]).sum() for frame in (current, reference))
        known = known.reindex(new.index, fill_value=0)
        if not new.sum() or not known.sum():
            continue
        scarce = known * new.sum() * _SCARCE < new * known.sum()
        for source in new.index[scarce | (new == 0)]:
            if new[source] and word not in told[source]:
                told[source].append(word)
            for frame in (current, reference):
                frame.loc[frame["source"] == source, name] = None
    notes = [
        f"Not compared for images of {source}, of which the reference has too few that hold it: {', '.join(words)}."
        for source, words in told.items()
        if words
    ]
    return replace(samples, current=current, reference=reference, notes=(*samples.notes, *notes))


def find_comparable(
    samples: Samples, columns: Sequence[FrameColumn], least: int
) -> tuple[tuple[FrameColumn, ...], tuple[str, ...]]:
    """The columns to compare, and a note for each reason why others are not.

    Args:
        samples: to be compared.
        columns: that may be.
        least: images of each sample that must hold a value.
    """
    found: list[FrameColumn] = []
    left_out: defaultdict[str, list[str]] = defaultdict(list)
    for column in columns:
        if column.name == "source" and not samples.new_sources:
            continue
        if reason := _find_reason(column.name, samples, least):
            left_out[reason].append(column.word)
        else:
            found.append(column)
    return tuple(found), tuple(f"Not compared, {reason}: {', '.join(words)}." for reason, words in left_out.items())


def limit_categories(samples: Samples, columns: Sequence[FrameColumn]) -> Samples:
    """The same samples with rare categories put together as `other`, so that no column has hundreds."""
    current, reference = samples.current.copy(), samples.reference.copy()
    for column in columns:
        if column.kind == "category":
            counts = pd.concat([current[column.name], reference[column.name]]).value_counts()
            rare = set(counts.index[_MOST_CATEGORIES:])
            for frame in (current, reference):
                frame[column.name] = frame[column.name].where(~frame[column.name].isin(rare), OTHER)
    return replace(samples, current=current, reference=reference)


def _find_reason(name: str, samples: Samples, least: int) -> str | None:
    new, known = (
        frame[name].dropna() if name in frame else pd.Series(dtype=object)
        for frame in (samples.current, samples.reference)
    )
    if not len(new) and not len(known):
        return "for neither the new images nor the reference hold it"
    for values, whose in ((new, "new images"), (known, "images of the reference")):
        if not len(values):
            return f"for none of the {whose} holds it"
        if len(values) < least:
            return f"for only {len(values)} of the {whose} hold it ({least} are needed)"
    if len(set(new) | set(known)) == 1:
        return "for all images are alike in it"
    return None
