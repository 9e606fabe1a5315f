"""The two samples as Evidently may show them: compared columns alone, under a steward's words, without markup."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.cleaning import LARGEST
from xray_model.evaluation.drift.comparison import Comparison
from xray_model.outcomes import DriftFamily

_NO_MARKUP = str.maketrans({"<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", "&": "+"})
_LONGEST = 60
_DECIMALS = 12
"""Evidently fails on a column whose values differ in their last bit alone; this changes no distance by 1e-9."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Both samples with their columns under `headings`."""

    current: pd.DataFrame
    reference: pd.DataFrame
    headings: Mapping[str, str]
    """What each column of the comparison is called here."""
    numbers: list[str]
    categories: list[str]
    incomplete: list[str]
    """Numbers of which some are missing, the model's answers aside: not every image of the reference has one."""


def show_samples(comparison: Comparison) -> Samples:
    """Take the compared columns out of the frames; ids of images and patients stay behind.

    Raises:
        InvalidInput: a column is missing in one of the frames, or holds nothing that can be compared.
    """
    headings = show_texts({item.column.name: item.column.word for item in comparison.columns})
    frames = (comparison.current, comparison.reference)
    current, reference = {}, {}
    for item in comparison.columns:
        name, heading = item.column.name, headings[item.column.name]
        if not all(name in frame for frame in frames):
            raise InvalidInput(f"only one of the samples, or none, has a column {name!r}: leave it out, and say so")
        sides = [frame[name] for frame in frames]
        if item.column.kind == "number":
            current[heading], reference[heading] = (_show_numbers(name, side) for side in sides)
        else:
            current[heading], reference[heading] = _show_categories(name, sides)
    numbers = {headings[item.column.name]: item.column for item in comparison.columns if item.column.kind == "number"}
    return Samples(
        current=pd.DataFrame(current),
        reference=pd.DataFrame(reference),
        headings=headings,
        numbers=list(numbers),
        categories=[heading for heading in headings.values() if heading not in numbers],
        incomplete=[
            heading
            for heading, column in numbers.items()
            if column.family != DriftFamily.PREDICTION
            and (current[heading].isna().any() or reference[heading].isna().any())
        ],
    )


def show_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """Each text without markup and at most 60 characters, and no two the same.

    Evidently writes names and values into a script as they are, and a scanner's maker can be called `</script>`.
    """
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for key, text in texts.items():
        plain = text.translate(_NO_MARKUP)
        plain = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
        free, number = plain, 1
        while free in taken:
            number += 1
            free = f"{plain} ({number})"
        taken.add(free)
        shown[key] = free
    return shown


def _show_numbers(name: str, values: pd.Series) -> pd.Series:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"column {name!r} must hold numbers in both samples: {error}") from error
    numbers = numbers.where(np.isfinite(numbers))
    if numbers.abs().max() > LARGEST:
        raise InvalidInput(f"column {name!r} holds {numbers.abs().max():.3g}, which no histogram can be drawn of")
    if numbers.isna().all():
        raise InvalidInput(f"column {name!r} holds no number in one of the samples: leave it out, and say so")
    return numbers.round(_DECIMALS).reset_index(drop=True)


def _show_categories(name: str, sides: list[pd.Series]) -> list[pd.Series]:
    known = [set(side.dropna()) for side in sides]
    if not all(known) or not all(isinstance(value, str) for value in set().union(*known)):
        raise InvalidInput(
            f"column {name!r} must hold texts in both samples: leave it out where it does not, and say so"
        )
    texts = show_texts({value: value for value in sorted(set().union(*known))})
    return [side.map(texts).astype(object).reset_index(drop=True) for side in sides]
