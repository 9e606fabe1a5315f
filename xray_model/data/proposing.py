"""Proposing bounds: what accepted images say of where a sound picture may stand.

For each source the quantile that `SHARE` of its images lie beyond is pushed out by its own distance from their median,
each side on its own, for most figures are skewed; the outermost of all sources is proposed. The usual fences for
skewed data point at outliers, and would refuse too much: those of Hubert & Vandervieren (2008, Computational
Statistics & Data Analysis 52) leave out 24 to 47 of 2,201 public radiographs for contrast, gray level, entropy or
inversion each, and 347 for a border, which most have none of. This way, from those of the 2,201 that the first bounds
accept, leaves out none of them; from half of the patients, 7 of the other half in the worst of 20 draws; but from one
of the four sources alone up to 5 % of the three others, so that a proposal says where it knows one source only.

Two things keep a proposal modest. A bound never comes nearer to the median than half the way from the one the pipeline
starts with, because the next source may look as the first four did. And accepted images end where today's bounds
refused the others: a bound is proposed wider only as far as images go that were accepted beyond it all the same.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.data.bounds import DEFAULTS, Bound, Bounds

SHARE = 0.01
"""Most of a source's accepted images that may stand outside a proposed bound, on each side."""
FEWEST = 300
"""Images of one source from which, in 19 of 20 draws, the extreme lies beyond a quantile of 1 % (299; Wilks 1941)."""
CUT_OFF = (
    "Accepted images end where today's bounds refused the others, so they cannot show a bound that refuses too much: "
    "release sound images by name (on their page in the console, or with xray review release), and a wider bound is "
    "proposed."
)
"""What a reader of proposals must know."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A bound beside the one that accepted images speak for. Pairs of counts are under today's and the proposed one."""

    today: Bound
    proposed: Bound
    accepted: int
    """Accepted images that have the figure."""
    accepted_outside: tuple[int, int]
    refused: int
    """Quarantined images that have the figure, whatever they were quarantined for."""
    refused_outside: tuple[int, int]
    why: str

    @property
    def changes(self) -> bool:
        """Whether there is something to accept."""
        return self.proposed != self.today


def propose_bounds(accepted: pd.DataFrame, refused: pd.DataFrame, today: Bounds) -> tuple[Proposed, ...]:
    """What accepted images say of each bound.

    Args:
        accepted: `source` and the columns of the bounds, of the images that count as accepted now.
        refused: the columns of the bounds, of the quarantined images.
        today: the bounds in force.
    """
    places = [np.asarray(place) for place in accepted.groupby("source", observed=True).indices.values()]
    return tuple(_propose(bound, accepted, places, refused) for bound in today.values())


def proposal_id(proposals: Iterable[Proposed]) -> str:
    """8 hex digits of a digest of all bounds, today's and proposed: what was shown is known by it, whatever counts."""
    shown = [
        [one.today.code, one.today.low, one.today.high, one.proposed.low, one.proposed.high]
        for one in sorted(proposals, key=lambda one: one.today.code)
    ]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:8]


def _propose(
    today: Bound, accepted: pd.DataFrame, places: Iterable[npt.NDArray[np.int64]], refused: pd.DataFrame
) -> Proposed:
    values, others = (_figures(frame, today.column) for frame in (accepted, refused))
    sources = [known for place in places if len(known := _known(values[place]))]
    most = max(map(len, sources), default=0)
    if most < FEWEST:
        why = (
            f"No source has {FEWEST} accepted images (the largest has {most}), and fewer say too little of the others."
        )
        proposed = today
    else:
        low, low_why = _move(today.low, DEFAULTS[today.code].low, sources, today.digits, lower=True)
        high, high_why = _move(today.high, DEFAULTS[today.code].high, sources, today.digits, lower=False)
        why = " ".join(filter(None, (low_why, high_why)))
        proposed = replace(today, low=low, high=high)
    return Proposed(
        today=today,
        proposed=proposed,
        accepted=len(_known(values)),
        accepted_outside=(int(today.outside(values).sum()), int(proposed.outside(values).sum())),
        refused=len(_known(others)),
        refused_outside=(int(today.outside(others).sum()), int(proposed.outside(others).sum())),
        why=why,
    )


def _move(
    today: float | None, default: float | None, sources: Sequence[Values], digits: int, *, lower: bool
) -> tuple[float | None, str]:
    """One side of a bound, and why; a lower side is the upper one of the mirrored figures."""
    if today is None or default is None:
        return None, ""
    sign, beyond = (-1.0, "below") if lower else (1.0, "above")
    mirrored = [sign * values for values in sources]
    edges, fences = zip(*(_fence(values, sign * default) for values in mirrored), strict=True)
    furthest = max(float(values.max()) for values in mirrored)
    now, fence = sign * today, max(fences)
    if fence < now and (tighter := _round_up(fence, digits)) < now:
        bound = sign * tighter + 0.0  # no negative zero
        alone = " All are of one source: another's may look otherwise." if len(sources) == 1 else ""
        return bound, (
            f"At most {SHARE:.0%} of each source's accepted images lie {beyond} {sign * max(edges):.4g}; {bound:g} "
            f"leaves them as much room again as to their middle, or more.{alone}"
        )
    if fence <= now or furthest <= now:
        return today, f"Accepted images speak for no other bound than {today:g}."
    bound = sign * _round_up(min(fence, furthest), digits) + 0.0
    count = sum(int((values > now).sum()) for values in mirrored)
    left = "" if furthest <= sign * bound else f" Those {beyond} {bound:g} are too far from all others to follow."
    return bound, (
        f"{count:,} accepted {'image lies' if count == 1 else 'images lie'} {beyond} {today:g}: released by a person, "
        f"or accepted before that bound was set.{left}"
    )


def _fence(values: Values, default: float) -> tuple[float, float]:
    """Of one source's figures: the value that `SHARE` of them exceed at most, and the upper bound they speak for."""
    middle, edge = map(float, np.quantile(values, (0.5, 1 - SHARE), method="inverted_cdf"))
    # Nine digits, so that 0.9 is as far from 1.1 as 0.7 is from 0.9.
    return edge, max(edge, round(edge + (edge - middle), 9), round((default + middle) / 2, 9))


def _round_up(value: float, digits: int) -> float:
    # Not round(): the result must never be below `value`, or a bound would refuse more than was said.
    return float(Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_CEILING))


def _figures(rows: pd.DataFrame, column: str) -> Values:
    return rows[column].to_numpy(np.float64, na_value=np.nan)


def _known(values: Values) -> Values:
    return values[~np.isnan(values)]
