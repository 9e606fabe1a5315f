"""What a set of images is made of: counts in which what is not known is counted as such."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xray_model.data.identity import find_duplicates

DECADES = (*(f"{start}-{start + 9}" for start in range(0, 90, 10)), "90+")
"""Completed years."""
_YEARS = 10.0
_MEGAPIXEL = 1_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """The images that have one value."""

    value: str | None
    """None where it is not known."""
    counts: tuple[int, ...]
    """Images by column of the table."""
    patients: int

    @property
    def images(self) -> int:
        """All of them."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Crossed:
    """Images by two facts: the values of one are the rows, those of the other the columns."""

    heads: tuple[str | None, ...]
    """Of the columns; None, where the other fact is not known, is the last."""
    known: tuple[Tally, ...]
    rest: Tally | None = None
    """Of all values that are not listed one by one."""
    folded: int = 0
    """How many values that are."""
    unknown: Tally | None = None
    """Where the value is not known; None where it always is."""

    @property
    def rows(self) -> tuple[Tally, ...]:
        """All rows, what is not known last."""
        return (*self.known, *(tally for tally in (self.rest, self.unknown) if tally))

    @property
    def images(self) -> int:
        """All images."""
        return sum(tally.images for tally in self.rows)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Widths and heights of the files, in pixels, as they arrived."""

    commonest: Crossed
    """`width x height` beside the class."""
    grid: tuple[tuple[int, ...], ...]
    """Images by cell of a square, rows by height from 0 up, columns by width."""
    reach: int
    """Pixels at which the square ends."""
    megapixels: tuple[float, float, float] | None
    """The smallest, the median and the largest image; None where no size is known."""
    enlarged: int
    """Images whose longer side is shorter than the side they are kept at."""


def cross(
    values: pd.Series,
    heads: pd.Series,
    patients: pd.Series,
    *,
    order: Sequence[str] = (),
    most: int = 15,
    least_patients: int = 0,
) -> Crossed:
    """Count images by two facts, and the patients of each row.

    Args:
        values: one fact of each image; it becomes its row.
        heads: the other, indexed alike; it becomes its column.
        patients: whose image it is, likewise.
        order: the rows in their order, also those without an image; without it the most frequent are the first.
        most: rows listed one by one where there is no order.
        least_patients: who must have a value for it to be listed: what a sender wrote of fewer may name one of them.
    """
    facts = pd.DataFrame({"value": values, "head": heads, "patient": patients}, dtype=object)
    facts = facts.where(facts.notna(), None)
    counts = Counter(zip(facts["value"], facts["head"], strict=True))
    images, across = Counter(facts["value"]), Counter(facts["head"])
    people = Counter(facts.drop_duplicates(["value", "patient"])["value"])
    names = (*sorted(name for name in across if name is not None), *([None] if across[None] else []))
    found = {value for value in images if value is not None}
    ranked = list(order) or sorted(found, key=lambda value: (-images[value], value))
    listed = [value for value in ranked if order or people[value] >= least_patients]
    listed = listed if order else listed[:most]
    folded = found.difference(listed)

    def tally(value: str | None, members: Sequence[str | None], held: int) -> Tally:
        return Tally(value, tuple(sum(counts[member, name] for member in members) for name in names), held)

    others = facts.loc[facts["value"].isin(folded), "patient"].nunique()
    return Crossed(
        heads=names,
        known=tuple(tally(value, [value], people[value]) for value in listed),
        rest=tally("other", sorted(folded), others) if folded else None,
        folded=len(folded),
        unknown=tally(None, [None], people[None]) if images[None] else None,
    )


def name_decades(ages: pd.Series) -> pd.Series:
    """One of `DECADES` for each age in years; None where it is not known, or below 0."""
    years = pd.to_numeric(ages, errors="coerce").to_numpy(np.float64)
    known = np.isfinite(years) & (years >= 0)
    places = np.minimum(np.where(known, years, 0) // _YEARS, len(DECADES) - 1).astype(np.intp)
    names = [DECADES[place] if sound else None for place, sound in zip(places, known, strict=True)]
    return pd.Series(names, index=ages.index, dtype=object)


def count_sizes(rows: pd.DataFrame, side: int, cells: int = 16) -> Sizes:
    """Sizes of the files that `rows` (`width`, `height`, `label`, `patient_id`) came from.

    Args:
        rows: width and height are missing where they are not known.
        side: the longer side, in pixels, that images are kept at.
        cells: of the grid, each way.
    """
    width, height = (rows[name].astype(np.float64) for name in ("width", "height"))
    known = width.notna() & height.notna()
    wide, high = width[known].to_numpy(), height[known].to_numpy()
    names = pd.Series(None, index=rows.index, dtype=object)
    names[known] = [f"{across:.0f} x {up:.0f}" for across, up in zip(wide, high, strict=True)]
    reach = int(max(wide.max(initial=1), high.max(initial=1)))
    grid, _, _ = np.histogram2d(high, wide, bins=cells, range=((0, reach), (0, reach)))
    area = wide * high / _MEGAPIXEL
    return Sizes(
        commonest=cross(names, rows["label"], rows["patient_id"], most=8),
        grid=tuple(tuple(int(images) for images in line) for line in grid),
        reach=reach,
        megapixels=(float(area.min()), float(np.median(area)), float(area.max())) if len(area) else None,
        enlarged=int((np.maximum(wide, high) < side).sum()),
    )


def find_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Near duplicates within a set: each image that nearly is an earlier one, beside the first such.

    Args:
        rows: `image_id`, `phash`, `split`, `label` and `patient_id`; one row of each image.

    Returns:
        `first` and `second` (image ids), and whether they have `two_labels`, `two_splits` and are of `two_patients`.
    """
    rows = rows.reset_index(drop=True)
    twins = find_duplicates(rows, rows.head(0))["duplicate_of"].dropna()
    firsts = rows.set_index("image_id").loc[twins.to_numpy()]
    seconds = rows.loc[twins.index]
    found = {"first": twins.to_numpy(), "second": seconds["image_id"].to_numpy()}
    for name, column in (("two_labels", "label"), ("two_splits", "split"), ("two_patients", "patient_id")):
        found[name] = firsts[column].to_numpy() != seconds[column].to_numpy()
    return pd.DataFrame(found)
