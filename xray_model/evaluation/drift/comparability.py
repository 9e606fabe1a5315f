"""Which columns both samples hold enough of; the others are told of, never passed over."""

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from xray_model.evaluation.drift.columns import FrameColumn, list_columns
from xray_model.evaluation.drift.sampling import Samples

_MOST_CATEGORIES = 20
OTHER = "other"


def find_comparable(
    samples: Samples, classes: Sequence[str], least: int
) -> tuple[tuple[FrameColumn, ...], tuple[str, ...]]:
    """The columns to compare, and a note for each reason why others are not.

    Args:
        samples: to be compared.
        classes: of the model.
        least: images of each sample that must hold a value.
    """
    found: list[FrameColumn] = []
    left_out: defaultdict[str, list[str]] = defaultdict(list)
    for column in list_columns(classes):
        if column.name == "source" and samples.by_source:
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
    return Samples(current, reference, samples.new_sources, samples.notes)


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
