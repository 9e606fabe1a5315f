"""Where refused images come from: whether one scanner, one view or one kind of file stands out among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import fisher_exact

_FEWEST = 5
"""Refused images below which nothing is said to stand out."""
_MOST_OF_REFUSED = 0.8
"""Share of the refused images that a value must explain."""
_TIMES = 3.0
"""How much more often images with the value must be refused than the others."""
_CHANCE = 0.001
"""One-sided Fisher's exact test, divided by the number of values that were tried (Bonferroni)."""
_VALUES = 6
"""Values listed of one column; the others are counted together."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the images with one value are refused."""

    value: str
    refused: int
    images: int


@dataclass(frozen=True, slots=True)
class Cause:
    """A value that stands out among the refused images."""

    column: str
    inside: Share
    """The images with the value."""
    outside: Share
    """All others; its value is empty."""


def share_out(rows: pd.DataFrame, refused: pd.Series, column: str) -> list[Share]:
    """The images by the values of one column, the value with most refused ones first; missing is `not told`.

    Args:
        rows: a batch.
        refused: bool, indexed like `rows`.
        column: one of `rows`.
    """
    shares = _count(spell_values(rows[column]), refused)
    if len(shares) <= _VALUES:
        return shares
    rest = shares[_VALUES - 1 :]
    others = Share(f"{len(rest)} others", sum(one.refused for one in rest), sum(one.images for one in rest))
    return [*shares[: _VALUES - 1], others]


def find_cause(rows: pd.DataFrame, refused: pd.Series, columns: Sequence[str]) -> Cause | None:
    """The value that explains best why images are refused, or None where none stands out.

    It holds at least four of five refused images, and images with it are refused at least three times as often as the
    others, by more than chance.

    Args:
        rows: a batch.
        refused: bool, indexed like `rows`.
        columns: those of `rows` in which to look.
    """
    whole, bad = len(rows), int(refused.sum())
    if bad < _FEWEST:
        return None
    shares = [(column, share) for column in columns for share in _count(rows[column], refused)]
    found = []
    for column, share in shares:
        others = Share("", bad - share.refused, whole - share.images)
        if not others.images or share.refused < _MOST_OF_REFUSED * bad:
            continue
        if share.refused * others.images < _TIMES * others.refused * share.images:
            continue
        table = [
            [share.refused, share.images - share.refused],
            [others.refused, others.images - others.refused],
        ]
        chance = float(fisher_exact(table, alternative="greater").pvalue)
        if chance * len(shares) < _CHANCE:
            found.append((chance, Cause(column, share, others)))
    return min(found, key=lambda item: item[0])[1] if found else None


def _count(values: pd.Series, refused: pd.Series) -> list[Share]:
    """Every value that is there, the one with most refused images first."""
    table = refused.groupby(values.dropna().map(_word)).agg(["sum", "size"])
    table = table.sort_values(["sum", "size"], ascending=False)
    return [Share(str(value), int(some), int(whole)) for value, some, whole in table.itertuples()]


def spell_values(values: pd.Series) -> pd.Series:
    """Values as they are counted and told: whole numbers without a point, `not told` where one is missing."""
    return values.astype(object).where(values.notna(), "not told").map(_word)


def _word(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)
